"""Small networks of every family and variant that the fused step reads, and rows of them in a cache of slots.

Knows: how a step is computed by transformers' modules over the same rows.
Refuses to know: which step is held against them, and on which device.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from engines.batch_stepping import attention_masks
from engines.slot_cache import SlotCache, Window
from engines.steps.int8_linear import Int8Linear, quantized
from engines.steps.tables import RowPlace, StepTables
from tests.every_family import tiny_network

_YARN = {"rope_type": "yarn", "rope_theta": 10_000.0, "factor": 4.0, "original_max_position_embeddings": 64}
_LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
_HALF_TURNED = {"rope_type": "default", "rope_theta": 10_000.0, "partial_rotary_factor": 0.5}
_BOTH = {"layer_types": ["sliding_attention", "full_attention"]}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt_neox": ("gpt_neox", {}),
    "gpt_neox, one after the other": ("gpt_neox", {"use_parallel_residual": False}),
    "gpt_neox, half turned": ("gpt_neox", {"rope_parameters": _HALF_TURNED}),
    "gpt_neox, no attention bias": ("gpt_neox", {"attention_bias": False}),
    "gpt_neox, tanh": ("gpt_neox", {"hidden_act": "gelu_pytorch_tanh"}),
    "llama": ("llama", {}),
    "llama, biases, tied": ("llama", {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True}),
    "llama, every head a key": ("llama", {"num_key_value_heads": 4}),
    "llama, one key for all": ("llama", {"num_key_value_heads": 1}),
    "llama, wide heads": ("llama", {"head_dim": 24}),
    "llama, llama3 rope": ("llama", {"rope_parameters": _LLAMA3}),
    "llama, yarn": ("llama", {"rope_parameters": _YARN}),
    "mistral": ("mistral", {}),
    "mistral, no window": ("mistral", {"sliding_window": None}),
    "ministral": ("ministral", _BOTH),
    "seed_oss": ("seed_oss", {}),
    "cwm": ("cwm", {**_BOTH, "rope_parameters": _LLAMA3}),
    "qwen2": ("qwen2", {}),
    "qwen2, window": ("qwen2", {"use_sliding_window": True, **_BOTH}),
    "qwen3": ("qwen3", {}),
    "qwen3, biases and window": ("qwen3", {"attention_bias": True, "use_sliding_window": True, **_BOTH}),
    "exaone4": ("exaone4", _BOTH),
    "exaone4, no window": ("exaone4", {"sliding_window": None, "layer_types": ["full_attention"] * 2}),
}
LENGTHS = (5, 17, 8, 1, 23, 9, 30, 3)
"""Within and beyond the window (8)."""
SLOTS = (6, 0, 3, 9, 1, 8, 4, 2)
"""Of ten; no order, and gaps between them."""


def network_of(name: str, dtype: torch.dtype = torch.float32, device: str = "cpu") -> Any:
    kind, changes = VARIANTS[name]
    network = tiny_network(kind, **changes)
    with torch.no_grad():
        for path, parameter in network.named_parameters():
            if parameter.ndim == 1:  # a norm of ones and a bias of zeros would prove nothing
                parameter.copy_(torch.linspace(-0.5, 0.5, len(parameter)) + (0 if "bias" in path else 1))
    return network.to(dtype).to(device)


def in_int8(network: Any) -> Any:
    """The same network with int8 weights in every linear but the head."""
    head = network.get_output_embeddings()
    for path, module in list(network.named_modules()):
        if type(module) is nn.Linear and module is not head:
            layer = Int8Linear(module.in_features, module.out_features, module.bias is not None)
            rows, layer.scale = quantized(module.weight.detach())
            layer.weight, layer.bias = nn.Parameter(rows, requires_grad=False), module.bias
            network.set_submodule(path, layer.to(module.weight.device))
    return network


class Rows:
    """A cache of slots that holds rows of these lengths, read through transformers' modules."""

    def __init__(self, network: Any, count: int, length: int = 64) -> None:
        self.network, self.count, self.device = network, count, network.device
        layers = network.config.num_hidden_layers
        self.cache = SlotCache(layers)
        self.cache.reserve(10, length)
        generator = torch.Generator().manual_seed(3)
        self.prompts = [
            torch.randint(1, 96, (length + 1,), generator=generator) for length in LENGTHS[:count]
        ]
        for prompt, slot in zip(self.prompts, SLOTS, strict=False):
            self._modules(prompt[None, :-1], torch.arange(len(prompt) - 1)[None], slot, 1, len(prompt) - 1)
        self.tables = StepTables(layers, self.device)
        self.tables.point_at(self.cache)
        self.places = [
            RowPlace(int(prompt[-1]), len(prompt) - 1, slot)
            for prompt, slot in zip(self.prompts, SLOTS, strict=False)
        ]
        self.bucket = self.tables.fill(self.places)

    def by_modules(self) -> Tensor:
        """Logits of the same step, row by row, which writes the keys and values that a step writes."""
        steps = [
            self._modules(
                torch.tensor([[place.token]]), torch.tensor([[place.length]]), place.slot, 1, place.length + 1
            )
            for place in self.places
        ]
        return torch.cat(steps)

    def written(self) -> list[Tensor]:
        """Copies of what the cache holds in the rows' slots."""
        slots = list(SLOTS[: self.count])
        return [store[slots].clone() for layer in self.cache.layers for store in (layer.keys, layer.values)]

    def _modules(self, ids: Tensor, positions: Tensor, slot: int, rows: int, read_to: int) -> Tensor:
        ids, positions = ids.to(self.device), positions.to(self.device)
        self.cache.window = Window(slot, rows, positions, int(positions[0, 0]), read_to)
        output = self.network(
            input_ids=ids,
            position_ids=positions,
            attention_mask=attention_masks(self.network, positions, read_to),
            past_key_values=self.cache,
            use_cache=True,
        )
        return output.logits[:, -1]


def distance(figures: Tensor, wanted: Tensor) -> float:
    return float((figures.double() - wanted.double()).abs().max() / wanted.double().abs().max())
