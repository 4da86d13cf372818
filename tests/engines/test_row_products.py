"""A step of one row in 16 bits goes without oneDNN where that is faster, and nothing else does.

Run: python -m pytest tests/engines/test_row_products.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from engines import row_products
from engines.families import stepper_for
from engines.row_products import step_products
from tests.engines.tiny_models import Kind, make_tiny_model

CPU = torch.device("cpu")
onednn = torch.backends.mkldnn

pytestmark = pytest.mark.skipif(not onednn.is_available(), reason="this torch has no oneDNN to go without")


@pytest.fixture
def is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_products, "_own_is_faster", lambda dtype, threads: True)


def network_of(folder: Path, kind: Kind, dtype: torch.dtype) -> Any:
    return AutoModelForCausalLM.from_pretrained(make_tiny_model(folder, kind, dtype=dtype)).eval()


@pytest.mark.usefixtures("is_faster")
@pytest.mark.parametrize(
    "kind, step, dtype, of_one_row, of_two",
    [
        ("llama", "eager", torch.bfloat16, False, True),
        ("llama", "fused", torch.bfloat16, False, True),
        ("llama", "eager", torch.float32, True, True),
        ("rwkv", "eager", torch.bfloat16, False, False),
    ],
)
def test_only_a_step_of_one_row_goes_without(
    tmp_path: Path, kind: Kind, step: Any, dtype: torch.dtype, of_one_row: bool, of_two: bool
) -> None:
    network = network_of(tmp_path, kind, dtype)
    stepper = stepper_for(network, CPU, step)
    used: list[bool] = []
    plain = torch.nn.functional.embedding

    def noted(*given: Any, **how: Any) -> torch.Tensor:
        used.append(bool(onednn.enabled))
        return plain(*given, **how)

    with pytest.MonkeyPatch.context() as patched, torch.inference_mode():
        patched.setattr(torch.nn.functional, "embedding", noted)
        for rows in (1, 2):
            row = stepper.open(40)
            stepper.read(row, [5, 6, 7])
            stepper.start(row)
            stepper.step([9] * rows)
    assert used == [True, of_one_row, True, *[of_two] * (2 if kind == "rwkv" else 1)]
    assert onednn.enabled


@pytest.mark.usefixtures("is_faster")
def test_a_step_that_breaks_leaves_it_on() -> None:
    with pytest.raises(ValueError, match="broke"), step_products(1, torch.bfloat16, CPU):
        assert not onednn.enabled
        raise ValueError("broke")
    assert onednn.enabled


@pytest.mark.usefixtures("is_faster")
def test_the_products_are_those_of_onednn_within_rounding() -> None:
    torch.manual_seed(0)
    row, matrix, bias = (torch.randn(*size).bfloat16() for size in ((1, 1024), (768, 1024), (768,)))
    exact = torch.nn.functional.linear(row.double(), matrix.double(), bias.double())
    with step_products(1, torch.bfloat16, CPU):
        ours = torch.nn.functional.linear(row, matrix, bias)
    assert (ours.double() - exact).abs().max() <= exact.abs().max() * 2**-7


def test_which_is_faster_is_found_once_and_leaves_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {True: 3.0, False: 2.0}
    asked: list[bool] = []

    def timed(_: Any) -> float:
        asked.append(bool(onednn.enabled))
        return seconds[asked[-1]]

    monkeypatch.setattr(row_products, "_seconds", timed)
    row_products._own_is_faster.cache_clear()
    assert row_products._own_is_faster(torch.bfloat16, 1) and onednn.enabled
    once = len(asked)
    seconds[False] = 2.9
    assert row_products._own_is_faster(torch.bfloat16, 1) and len(asked) == once
    assert not row_products._own_is_faster(torch.float16, 1)
    row_products._own_is_faster.cache_clear()
