"""The sizes of a network that training memory depends on. Imports torch only to count in a real network.

Knows: how they are counted in an empty network, and guessed from an entry where there are no files yet.
Refuses to know: bytes, devices and settings other than the LoRA layers asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from finetune.run_settings import RunSettings
from model_registry.spec import Architecture, ModelSpec

if TYPE_CHECKING:
    from finetune.base import Base

LayerKind = Literal["plain", "gated", "recurrent"]
"""plain: two matrices feed forward (GPT-NeoX); gated: three (Llama and most others)."""

_PLAIN = frozenset({Architecture.GPT_NEOX, Architecture.PHI, Architecture.OTHER})


@dataclass(frozen=True)
class NetworkShape:
    """Counts of values, not of bytes."""

    layers: int
    hidden: int
    feed_forward: int
    vocabulary: int
    kind: LayerKind
    linear: int
    """Weights that quantization packs: of every linear layer but the head."""
    linear_rows: int
    """Their output values; int8 keeps a scale for each."""
    rest: int
    """Embeddings, head, norms and biases, which every method keeps in full width."""
    adapter: int
    """LoRA weights for the targets and rank asked for."""
    adapter_inputs: int
    """Values a token that go into LoRA layers, over the whole network."""
    counted: bool
    """Whether it was counted in the network itself; otherwise it is guessed from the registry's figures."""
    frozen: int = 0
    """LoRA weights beside those that learn: of the reference where learning begins with an adapter, and of
    reward models."""

    @property
    def parameters(self) -> int:
        return self.linear + self.rest


def shape_for(settings: RunSettings, base: Base) -> NetworkShape:
    """Counted where the base's files are here (targets that do not fit it are refused then), else guessed."""
    from finetune.base import empty_network

    network = empty_network(base)
    if network is None:
        shape = _guessed(base.spec, settings)
    else:
        shape = shape_of(network, base.spec.local.architecture, settings)
    judges = sum(text.startswith("model=") for text in settings.rewarded_for)
    return replace(shape, frozen=shape.adapter * (judges + (base.tuned is not None)))


def shape_of(network: Any, architecture: Architecture, settings: RunSettings) -> NetworkShape:
    from finetune.targets import linear_layers, lora_targets, targeted

    config = network.config.get_text_config()
    linear = linear_layers(network)
    weights = sum(given * made for given, made in linear.values())
    chosen = targeted(network, lora_targets(network, architecture, settings.lora_targets)).values()
    return NetworkShape(
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        feed_forward=_feed_forward(linear, config),
        vocabulary=config.vocab_size,
        kind=_kind(architecture, linear),
        linear=weights,
        linear_rows=sum(made for _, made in linear.values()),
        rest=sum(parameter.numel() for parameter in network.parameters()) - weights,
        adapter=settings.lora_r * sum(given + made for given, made in chosen),
        adapter_inputs=sum(given for given, _ in chosen),
        counted=True,
    )


def _kind(architecture: Architecture, linear: Iterable[str]) -> LayerKind:
    if architecture is Architecture.RWKV:
        return "recurrent"
    return "gated" if any("gate" in path.rpartition(".")[2] for path in linear) else "plain"


def _feed_forward(linear: dict[str, tuple[int, int]], config: Any) -> int:
    """The widest place of a layer: what goes into the last matrix of its feed-forward part."""
    stated = getattr(config, "intermediate_size", None)
    return stated if isinstance(stated, int) else max((given for given, _ in linear.values()), default=0)


def _guessed(spec: ModelSpec, settings: RunSettings) -> NetworkShape:
    """What the parameters tell of such a network: 12 hidden² weights a layer, about hidden / 128 layers."""
    known = spec.local.embeddings
    hidden = (
        known.hidden_size if known else max(64, round((spec.local.parameters * 10.7) ** (1 / 3) / 64) * 64)
    )
    rest = known.parameters if known else spec.local.parameters // 10
    linear = spec.local.parameters - rest
    layers = max(1, round(linear / (12 * hidden**2)))
    recurrent = spec.local.architecture is Architecture.RWKV
    plain = spec.local.architecture in _PLAIN
    inputs = len(settings.lora_targets) or (1 if plain else 4)
    return NetworkShape(
        layers=layers,
        hidden=hidden,
        feed_forward=4 * hidden if plain or recurrent else round(3.5 * hidden),
        vocabulary=known.vocabulary if known else rest // (2 * hidden),
        kind="recurrent" if recurrent else "plain" if plain else "gated",
        linear=linear,
        linear_rows=layers * 9 * hidden,
        rest=rest,
        # A fused query_key_value has four times the width on its two sides, a square matrix twice.
        adapter=settings.lora_r * layers * hidden * (4 * inputs if plain else 2 * inputs),
        adapter_inputs=layers * hidden * inputs,
        counted=False,
    )
