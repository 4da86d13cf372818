"""A loaded network as the fused step needs it, layer by layer, or why the fused step cannot serve it.

Only families whose modules are known whole are read, and only where each module still is what the family
made it. The tensors are the modules' own. Adapters are passed over: what is read is the base.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import activations

from engines.steps.int8_linear import Int8Linear
from engines.steps.ops import Activation, Heads, Linear, Norm, Normed, Rotary
from errors import StepRefused


@dataclass(frozen=True, eq=False)
class Gated:
    """What StepOps.gated takes besides x."""

    norm: Norm | None
    gate: Linear
    up: Linear
    activation: Activation


@dataclass(frozen=True, eq=False)
class FusedLayer:
    """Attention, then a perceptron, each added to what came in."""

    inputs: tuple[Normed, ...]
    """Of queries, keys and values, in one linear or three."""
    heads: Heads
    out: Linear
    perceptron: Normed | Gated
    """Its first half, and `down` the second."""
    down: Linear
    is_parallel: bool = False
    """Attention and perceptron read the same x, and both are added to it at once (GPT-NeoX)."""
    attention_norm: Norm | None = None
    perceptron_norm: Norm | None = None
    """Of networks that norm what a block puts out, not what it takes (EXAONE-4)."""


@dataclass(frozen=True, eq=False)
class FusedNetwork:
    """All that a step computes with."""

    embedding: Tensor
    """[vocabulary, hidden]."""
    layers: tuple[FusedLayer, ...]
    head: Normed


def read_network(model: Any) -> FusedNetwork:
    """The base of a loaded network by reference; StepRefused where the fused step does not know it."""
    reader = _READERS.get(type(model).__name__)
    if reader is None or not type(model).__module__.startswith("transformers."):
        raise StepRefused("step-network-unknown", kind=model.config.model_type)
    _check_untouched(model)
    network = reader(model)
    _check_weights(model, network)
    return network


def _read_neox(model: Any) -> FusedNetwork:
    backbone = model.gpt_neox
    rotary = _rotary(backbone.rotary_emb)
    layers = tuple(_neox_layer(layer, rotary, model.config) for layer in backbone.layers)
    head = Normed(_linear(model.lm_head), _layer_norm(backbone.final_layer_norm))
    return FusedNetwork(_embedding(backbone.embed_in), layers, head)


def _neox_layer(layer: Any, rotary: Rotary, config: Any) -> FusedLayer:
    attention, perceptron = layer.attention, layer.mlp
    count = config.num_attention_heads
    return FusedLayer(
        inputs=(Normed(_linear(attention.query_key_value), _layer_norm(layer.input_layernorm)),),
        heads=Heads(count, count, attention.head_size, attention.scaling, packed=True, rotary=rotary),
        out=_linear(attention.dense),
        perceptron=Normed(
            _linear(perceptron.dense_h_to_4h),
            _layer_norm(layer.post_attention_layernorm),
            _activation(perceptron.act),
        ),
        down=_linear(perceptron.dense_4h_to_h),
        is_parallel=layer.use_parallel_residual,
    )


def _read_gated(model: Any) -> FusedNetwork:
    """Llama, and what is made of its modules."""
    backbone = model.model
    rotary = _rotary(backbone.rotary_emb)
    layers = tuple(
        _gated_layer(layer, index, rotary, model.config) for index, layer in enumerate(backbone.layers)
    )
    head = Normed(_linear(model.lm_head), _rms_norm(backbone.norm))
    return FusedNetwork(_embedding(backbone.embed_tokens), layers, head)


def _gated_layer(layer: Any, index: int, rotary: Rotary, config: Any) -> FusedLayer:
    attention, perceptron = layer.self_attn, layer.mlp
    is_normed_after = config.model_type == "exaone4"
    before = None if is_normed_after else _rms_norm(layer.input_layernorm)
    between = _rms_norm(layer.post_attention_layernorm)
    return FusedLayer(
        inputs=tuple(
            Normed(_linear(linear), before)
            for linear in (attention.q_proj, attention.k_proj, attention.v_proj)
        ),
        heads=_grouped_heads(attention, index, rotary, config),
        out=_linear(attention.o_proj),
        perceptron=Gated(
            None if is_normed_after else between,
            _linear(perceptron.gate_proj),
            _linear(perceptron.up_proj),
            _activation(perceptron.act_fn),
        ),
        down=_linear(perceptron.down_proj),
        attention_norm=between if is_normed_after else None,
        perceptron_norm=_rms_norm(layer.post_feedforward_layernorm) if is_normed_after else None,
    )


def _grouped_heads(attention: Any, index: int, rotary: Rotary, config: Any) -> Heads:
    window = _window(index, config)
    is_turned = config.model_type != "exaone4" or config.sliding_window is None or window is not None
    return Heads(
        queries=config.num_attention_heads,
        groups=config.num_key_value_heads,
        size=attention.head_dim,
        scaling=attention.scaling,
        rotary=rotary if is_turned else None,
        query_norm=_rms_norm(attention.q_norm) if hasattr(attention, "q_norm") else None,
        key_norm=_rms_norm(attention.k_norm) if hasattr(attention, "k_norm") else None,
        window=window,
    )


def _window(index: int, config: Any) -> int | None:
    if config.model_type in _NEVER_SLIDING:
        return None
    kinds = getattr(config, "layer_types", None)
    is_sliding = kinds is None or kinds[index] == "sliding_attention"
    return config.sliding_window if is_sliding else None


_NEVER_SLIDING = ("llama", "seed_oss")
_GATED = ("Llama", "Mistral", "Ministral", "SeedOss", "Cwm", "Qwen2", "Qwen3", "Exaone4")
_READERS: dict[str, Callable[[Any], FusedNetwork]] = {
    "GPTNeoXForCausalLM": _read_neox,
    **{f"{family}ForCausalLM": _read_gated for family in _GATED},
}
_RMS_NORMS = {f"{family}RMSNorm" for family in _GATED}
_ROPES = ("default", "linear", "llama3", "yarn")
"""Those whose angles depend on nothing but the position."""


def _embedding(module: Any) -> Tensor:
    return _plain(module, nn.Embedding).weight


def _linear(module: Any) -> Linear:
    own = _plain(module, nn.Linear, Int8Linear)
    return Linear(own.weight, own.bias, own.scale if isinstance(own, Int8Linear) else None)


def _plain(module: Any, *kinds: type[Any]) -> Any:
    """The module itself, below adapters that may be attached to it."""
    own = module.get_base_layer() if hasattr(module, "get_base_layer") else module
    if getattr(module, "merged", False):
        raise _unknown(module)
    if type(own).__module__.startswith("bitsandbytes"):
        raise StepRefused("step-quantized", quantization=type(own).__name__)
    if type(own) not in kinds:
        raise _unknown(own)
    return own


def _layer_norm(module: Any) -> Norm:
    if type(module) is not nn.LayerNorm or module.weight is None or module.bias is None:
        raise _unknown(module)
    return Norm(module.weight, module.bias, module.eps)


def _rms_norm(module: Any) -> Norm:
    if type(module).__name__ not in _RMS_NORMS:
        raise _unknown(module)
    return Norm(module.weight, None, module.variance_epsilon)


def _activation(module: Any) -> Activation:
    if isinstance(module, nn.SiLU | activations.SiLUActivation):
        return "silu"
    if isinstance(module, activations.GELUActivation) and module.act is nn.functional.gelu:
        return "gelu"
    if isinstance(module, activations.GELUTanh) and getattr(module.act, "func", None) is nn.functional.gelu:
        return "gelu-tanh"
    raise _unknown(module)


def _rotary(module: Any) -> Rotary:
    if module.rope_type not in _ROPES:
        raise StepRefused("step-module-unknown", module=f"RoPE {module.rope_type}")
    frequencies = module.inv_freq.float()
    return Rotary(frequencies, 2 * len(frequencies), module.attention_scaling)


def _check_untouched(model: Any) -> None:
    """Whoever wraps a module's forward pass (offloading, hub kernels) changes what it computes."""
    for module in model.modules():
        if "forward" in vars(module):
            raise _unknown(module)


def _check_weights(model: Any, network: FusedNetwork) -> None:
    """An adapter's own may be of another type; of int8 are all linears of the layers or none."""
    own = [weight for path, weight in model.named_parameters() if "lora_" not in path]
    kinds = {(weight.device, weight.dtype) for weight in own if weight.dtype != torch.int8}
    of_layers = {linear.weight.dtype for layer in network.layers for linear in _linears_of(layer)}
    if len(kinds) > 1 or len(of_layers) > 1 or len({weight.device for weight in own}) > 1:
        raise StepRefused("step-weights-mixed")


def _linears_of(layer: FusedLayer) -> list[Linear]:
    half = layer.perceptron
    inner = [half.gate, half.up] if isinstance(half, Gated) else [half.linear]
    return [*(part.linear for part in layer.inputs), layer.out, *inner, layer.down]


def _unknown(module: Any) -> StepRefused:
    return StepRefused("step-module-unknown", module=type(module).__name__)
