"""A fused step over torch's operations gives the figures that transformers' modules give, for every family.

The measure is a step of BatchStepper: the same rows, the same cache, through the modules.

Run: python -m pytest tests/engines/steps/test_fused_step.py
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from engines.batch_stepping import attention_masks
from engines.slot_cache import SlotCache, Window
from engines.steps.fused_network import read_network
from engines.steps.fused_step import FusedStep
from engines.steps.tables import RowPlace, StepTables
from engines.steps.torch_ops import TorchOps
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
COUNT = 6
WITHIN = {torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}


def network_of(name: str, dtype: torch.dtype = torch.float32) -> Any:
    kind, changes = VARIANTS[name]
    network = tiny_network(kind, **changes)
    with torch.no_grad():
        for path, parameter in network.named_parameters():
            if parameter.ndim == 1:  # a norm of ones and a bias of zeros would prove nothing
                parameter.copy_(torch.linspace(-0.5, 0.5, len(parameter)) + (0 if "bias" in path else 1))
    return network.to(dtype)


class Rows:
    """A cache of slots that holds rows of these lengths, read through transformers' modules."""

    def __init__(self, network: Any, count: int, length: int = 64) -> None:
        self.network, self.count = network, count
        layers = network.config.num_hidden_layers
        self.cache = SlotCache(layers)
        self.cache.reserve(10, length)
        generator = torch.Generator().manual_seed(3)
        self.prompts = [
            torch.randint(1, 96, (length + 1,), generator=generator) for length in LENGTHS[:count]
        ]
        for prompt, slot in zip(self.prompts, SLOTS, strict=False):
            self._modules(prompt[None, :-1], torch.arange(len(prompt) - 1)[None], slot, 1, len(prompt) - 1)
        self.tables = StepTables(layers, torch.device("cpu"))
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
        self.cache.window = Window(slot, rows, positions, int(positions[0, 0]), read_to)
        output = self.network(
            input_ids=ids,
            position_ids=positions,
            attention_mask=attention_masks(self.network, positions, read_to),
            past_key_values=self.cache,
            use_cache=True,
        )
        return output.logits[:, -1]


def fused(network: Any) -> FusedStep:
    return FusedStep(read_network(network), TorchOps())


def distance(figures: Tensor, wanted: Tensor) -> float:
    return float((figures.double() - wanted.double()).abs().max() / wanted.double().abs().max())


@pytest.fixture(autouse=True)
def no_gradients() -> Any:
    with torch.inference_mode():
        yield


@pytest.mark.parametrize("dtype", WITHIN, ids=str)
@pytest.mark.parametrize("name", VARIANTS)
def test_a_step_gives_the_figures_of_the_modules(name: str, dtype: torch.dtype) -> None:
    network = network_of(name, dtype)
    for count in (1, 3, 8) if dtype is torch.float32 else (3,):
        rows = Rows(network, count)
        wanted = rows.by_modules()
        kept = rows.written()
        rows.cache.wipe(5)  # a slot of nobody
        figures = fused(network)(rows.tables, rows.bucket, 1024)
        assert figures.dtype == wanted.dtype == dtype and figures.shape == (rows.bucket, 96)
        assert distance(figures[:count], wanted) < WITHIN[dtype]
        for held, before in zip(rows.written(), kept, strict=True):
            assert distance(held, before) < WITHIN[dtype]


@pytest.mark.parametrize("name", VARIANTS)
def test_its_tokens_are_those_of_the_whole_text_read_at_once(name: str) -> None:
    """Greedy, step after step on what the fused step itself has written."""
    network = network_of(name)
    rows, step = Rows(network, 3), fused(network)
    texts = [list(map(int, prompt)) for prompt in rows.prompts]
    for _ in range(COUNT):
        rows.tables.fill(
            [RowPlace(text[-1], len(text) - 1, slot) for text, slot in zip(texts, SLOTS, strict=False)]
        )
        logits = step(rows.tables, 4, max(map(len, texts)))
        for text, token in zip(texts, logits.argmax(-1).tolist(), strict=False):
            text.append(token)
    for text in texts:
        whole = network(input_ids=torch.tensor([text])).logits[0]
        assert text[-COUNT:] == whole.argmax(-1)[-COUNT - 1 : -1].tolist()


def test_a_row_hears_nothing_of_rows_beside_it_or_of_what_their_slots_hold() -> None:
    network = network_of("qwen3, biases and window")
    rows, step = Rows(network, 5), fused(network)
    together = step(rows.tables, rows.bucket, 1024)[0]
    for slot in set(range(10)) - {SLOTS[0]}:
        for layer in rows.cache.layers:
            layer.keys[slot], layer.values[slot] = 1e4, 1e4
    rows.tables.fill(rows.places[:1])
    assert distance(step(rows.tables, 1, 1024)[0], together) < 1e-5
