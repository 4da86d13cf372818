"""A fused step in Triton's kernels gives on a real card the figures of torch's operations and of the modules.

Run: python -m pytest -m gpu tests/gpu/test_fused_step_on_a_card.py
"""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch

from engines.steps.fused_network import read_network
from engines.steps.fused_step import FusedStep
from engines.steps.torch_ops import TorchOps
from tests.engines.steps.slot_rows import VARIANTS, Rows, distance, network_of

DEVICE = "cuda:0"
WITHIN = {torch.float32: 1e-4, torch.float16: 8e-3, torch.bfloat16: 6e-2}
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.fixture(autouse=True)
def no_gradients() -> Any:
    pytest.importorskip("triton", reason="needs Triton, which torch for CUDA brings")
    with torch.inference_mode():
        yield


def in_triton(network: Any) -> FusedStep:
    """Imported here: a machine without a card has no Triton. As the engine launches them."""
    ahead = torch.cuda.get_device_capability() >= (9, 0)
    kernels = importlib.import_module("engines.steps.triton_ops").TritonOps(pdl=ahead)
    return FusedStep(read_network(network), kernels)


@pytest.mark.parametrize("dtype", WITHIN, ids=str)
@pytest.mark.parametrize("name", VARIANTS)
def test_kernels_give_the_figures_of_the_modules(name: str, dtype: torch.dtype) -> None:
    network = network_of(name, dtype, DEVICE)
    in_torch, kernels = FusedStep(read_network(network), TorchOps()), in_triton(network)
    for count in (1, 3, 8):
        rows = Rows(network, count)
        wanted, kept = rows.by_modules(), rows.written()
        for step in (in_torch, kernels):
            figures = step(rows.tables, rows.bucket, 1024)
            assert figures.dtype == dtype and figures.shape == (rows.bucket, 96)
            assert distance(figures[:count], wanted) < WITHIN[dtype]
            for held, before in zip(rows.written(), kept, strict=True):
                assert distance(held, before) < WITHIN[dtype]


@pytest.mark.parametrize("name", ["gpt_neox", "llama", "qwen3", "exaone4"])
def test_a_row_has_the_same_bits_alone_and_in_company(name: str) -> None:
    network = network_of(name, torch.bfloat16, DEVICE)
    rows, step = Rows(network, 8), in_triton(network)
    together = step(rows.tables, 8, 1024)[0].clone()
    for count in (1, 2, 4):
        rows.tables.fill(rows.places[:count])
        assert torch.equal(step(rows.tables, count, 1024)[0], together)
    rows.tables.fill(rows.places[:1])
    assert torch.equal(step(rows.tables, 1, 2048)[0], together)
