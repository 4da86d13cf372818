"""A fused step over torch's operations gives the figures that transformers' modules give, for every family.

The measure is a step of BatchStepper: the same rows, the same cache, through the modules.

Run: python -m pytest tests/engines/steps/test_fused_step.py
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from engines.steps.fused_network import read_network
from engines.steps.fused_step import FusedStep
from engines.steps.tables import RowPlace
from engines.steps.torch_ops import TorchOps
from tests.engines.steps.slot_rows import SLOTS, VARIANTS, Rows, distance, in_int8, network_of

COUNT = 6
WITHIN = {torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}


def fused(network: Any) -> FusedStep:
    return FusedStep(read_network(network), TorchOps())


@pytest.fixture(autouse=True)
def no_gradients() -> Any:
    with torch.inference_mode():
        yield


@pytest.mark.parametrize("int8", [False, True], ids=["wide", "int8"])
@pytest.mark.parametrize("dtype", WITHIN, ids=str)
@pytest.mark.parametrize("name", VARIANTS)
def test_a_step_gives_the_figures_of_the_modules(name: str, dtype: torch.dtype, int8: bool) -> None:
    network = network_of(name, dtype)
    if int8:
        network = in_int8(network)
        assert network.dtype == dtype
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
