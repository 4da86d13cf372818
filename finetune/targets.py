"""Which linear layers of a network get LoRA layers.

Knows: what suits each architecture, and that a name has to fit the network it is asked of.
Refuses to know: ranks, weights, and how a LoRA layer is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from torch import nn

from errors import BadRequest, UnknownName
from model_registry.spec import Architecture

_ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
SUITABLE: Mapping[Architecture, tuple[str, ...]] = MappingProxyType(
    {
        Architecture.GPT_NEOX: ("query_key_value",),
        Architecture.LLAMA: _ATTENTION,
        Architecture.RWKV: ("key", "value", "receptance", "output"),
        Architecture.QWEN2: _ATTENTION,
        Architecture.QWEN3: _ATTENTION,
        Architecture.EXAONE: ("q_proj", "k_proj", "v_proj", "out_proj"),
        Architecture.EXAONE4: _ATTENTION,
        Architecture.HYPERCLOVAX: _ATTENTION,
        Architecture.GEMMA2: _ATTENTION,
        Architecture.GEMMA3: _ATTENTION,
        Architecture.GEMMA4: _ATTENTION,
        Architecture.PHI: ("q_proj", "k_proj", "v_proj", "dense"),
        Architecture.SOLAR: _ATTENTION,
        Architecture.SOLAR_OPEN: _ATTENTION,
        Architecture.DEEPSEEK_V3: (
            "q_proj",
            "q_a_proj",
            "q_b_proj",
            "kv_a_proj_with_mqa",
            "kv_b_proj",
            "o_proj",
        ),
        Architecture.GPT_OSS: _ATTENTION,
        Architecture.OTHER: (),
    }
)
"""The layers that LoRA changes, as far as the network has them (DeepSeek has q_proj or two instead); empty:
every linear layer."""


def lora_targets(
    network: nn.Module, architecture: Architecture, wanted: Sequence[str] = ()
) -> tuple[str, ...]:
    """Names for LoraConfig.target_modules; every one of them fits a linear layer that reads text.

    A name fits as PEFT has it: the whole path of a layer, or its end. Where a name would fit layers that read
    images too, whole paths are given instead."""
    linear = linear_layers(network)
    paths = _of_text(network, linear)
    if not paths:
        raise BadRequest("no-linear-layers")
    names = tuple(dict.fromkeys(wanted)) or tuple(
        name for name in SUITABLE[architecture] if any(fits(name, path) for path in paths)
    )
    for name in names:
        if not any(fits(name, path) for path in paths):
            raise UnknownName("linear layer in this model", name, _short(paths))
    names = names or _short(paths)
    chosen = [path for path in paths if any(fits(name, path) for name in names)]
    beyond = [path for path in linear if path not in paths and any(fits(name, path) for name in names)]
    return tuple(chosen) if beyond else names


def targeted(network: nn.Module, targets: Sequence[str]) -> dict[str, tuple[int, int]]:
    """The layers that get LoRA layers, by path, with how many values go in and come out."""
    return {
        path: sides
        for path, sides in linear_layers(network).items()
        if any(fits(target, path) for target in targets)
    }


def fits(name: str, path: str) -> bool:
    return path == name or path.endswith(f".{name}")


def linear_layers(network: nn.Module) -> dict[str, tuple[int, int]]:
    """Every linear layer but the head, by path, with (values in, values out); quantized ones too."""
    head = _asked(network, "get_output_embeddings")
    found: dict[str, tuple[int, int]] = {}
    for path, layer in network.named_modules():
        if layer is head:
            continue
        if isinstance(layer, nn.Linear):
            found[path] = (layer.in_features, layer.out_features)
        elif type(layer).__name__ == "Conv1D":
            # What transformers writes GPT-2's linear layers as.
            found[path] = (layer.nx, layer.nf)
    return found


def _of_text(network: nn.Module, linear: Iterable[str]) -> list[str]:
    """Without those that only read images or sound."""
    decoder = _asked(network, "get_decoder")
    within = {id(layer) for layer in decoder.modules()} if decoder is not None else set()
    paths = [path for path in linear if id(network.get_submodule(path)) in within]
    return paths or list(linear)


def _asked(network: nn.Module, name: str) -> nn.Module | None:
    """What a network of transformers says of itself."""
    ask: Any = getattr(network, name, None)
    part = ask() if ask is not None else None
    return part if isinstance(part, nn.Module) else None


def _short(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path.rpartition(".")[2] for path in paths))
