"""The products of a fused step against float64 and the reference in torch, interpreted on the processor.

Run: TRITON_INTERPRET=1 python -m pytest tests/triton_kernels/test_linear_kernels.py
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from engines.steps.int8_linear import quantized
from engines.steps.ops import Activation, Linear, Norm, Normed
from engines.steps.torch_ops import TorchOps

pytest.importorskip("triton", reason="Triton is not installed here")
pytestmark = [
    pytest.mark.triton,
    pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") != "1", reason="needs TRITON_INTERPRET=1"),
]


@dataclass
class Make:
    """The same numbers each time, rounded to `dtype`, then computed in `wide`."""

    dtype: torch.dtype
    wide: torch.dtype
    int8: bool = False
    """Whether the weights of linears are."""
    random: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(1))

    def __call__(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.random).to(self.dtype).to(self.wide)


Call = Callable[[Any, Make], Tensor]
"""One operation, of StepOps and of what makes its tensors."""


@pytest.fixture(autouse=True)
def poisoned_outputs() -> Iterator[None]:
    """Memory that nobody wrote is no number: torch fills it so where it has to be deterministic."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def linear(make: Make, out: int, length: int, bias: bool = True) -> Linear:
    weight, shift = make(out, length), make(out) if bias else None
    if not make.int8:
        return Linear(weight / length**0.5, shift)
    rows, scale = quantized(weight.float())
    return Linear(rows, shift, scale / length**0.5)


def norm(make: Make, length: int, bias: bool) -> Norm:
    return Norm(make(length), make(length) if bias else None, 1e-5)


def neox_in(rows: int) -> Call:
    """Two norms of one x, an activation over the second part."""

    def call(ops: Any, make: Make) -> Tensor:
        x = make(8, 70)[:rows]
        mixed = Normed(linear(make, 5, 70), norm(make, 70, True))
        inner = Normed(linear(make, 6, 70), norm(make, 70, True), "gelu")
        return ops.normed(x, [mixed, inner])

    return call


def queries_keys_values(rows: int, length: int = 64, bias: bool = False) -> Call:
    def call(ops: Any, make: Make) -> Tensor:
        x, one = make(8, length)[:rows], norm(make, length, False)
        return ops.normed(x, [Normed(linear(make, out, length, bias), one) for out in (6, 4, 2)])

    return call


def parts_unlike(rows: int) -> Call:
    """More than one launch takes, normed and biased in different ways."""

    def call(ops: Any, make: Make) -> Tensor:
        x, rms, layer = make(8, 33)[:rows], norm(make, 33, False), norm(make, 33, True)
        given: list[tuple[bool, Norm | None, Activation | None]] = [
            (True, rms, None), (True, rms, "silu"), (True, rms, None), (True, rms, "gelu-tanh"),
            (False, rms, None), (False, replace(rms, eps=0.1), None),
            (False, None, "gelu"), (True, layer, None),
        ]  # fmt: skip
        parts = [Normed(linear(make, 3, 33, bias), one, activation) for bias, one, activation in given]
        return ops.normed(x, parts)

    return call


def head(rows: int) -> Call:
    """Longer than what all threads read at once, and by no power of two."""
    return lambda ops, make: ops.normed(
        make(8, 1100)[:rows], [Normed(linear(make, 5, 1100, False), norm(make, 1100, True))]
    )


def gated(rows: int, length: int = 70, activation: Activation = "silu") -> Call:
    def call(ops: Any, make: Make) -> Tensor:
        gate, up = linear(make, 7, length), linear(make, 7, length, False)
        return ops.gated(make(8, length)[:rows], norm(make, length, False), gate, up, activation)

    return call


def neox_out(rows: int) -> Call:
    """Two inputs, one of them a part of wider rows."""

    def call(ops: Any, make: Make) -> Tensor:
        inner, attended = make(8, 300)[:rows, 100:289], make(8, 64)[:rows]
        parts = [(inner, linear(make, 7, 189)), (attended, linear(make, 7, 64))]
        return ops.added(parts, make(8, 7)[:rows])

    return call


def down(rows: int) -> Call:
    """Nothing is added: EXAONE norms what a block puts out before that."""
    return lambda ops, make: ops.added([(make(8, 96)[:rows], linear(make, 8, 96, False))], None)


CALLS: dict[str, Callable[[int], Call]] = {
    "neox in": neox_in,
    "q, k and v": queries_keys_values,
    "parts unlike": parts_unlike,
    "head": head,
    "gated": gated,
    "neox out": neox_out,
    "down": down,
}


def result(
    call: Call, ops: Any, dtype: torch.dtype, wide: torch.dtype | None = None, int8: bool = False
) -> Tensor:
    return call(ops, Make(dtype, wide or dtype, int8))


def kernels() -> Any:
    from engines.steps.triton_ops import TritonOps

    return TritonOps()


@pytest.mark.parametrize("int8", [False, True], ids=["wide", "int8"])
@pytest.mark.parametrize("name", CALLS)
def test_every_product_is_that_of_float64_with_the_same_bits_for_every_number_of_rows(
    name: str, int8: bool
) -> None:
    exact = result(CALLS[name](8), TorchOps(), torch.float32, torch.float64, int8)
    alone = result(CALLS[name](1), kernels(), torch.float32, None, int8)
    for rows in (2, 5, 8) if int8 else range(1, 9):
        ours = result(CALLS[name](rows), kernels(), torch.float32, None, int8)
        torch.testing.assert_close(ours.double(), exact[:rows], rtol=2e-6, atol=5e-6)
        assert torch.equal(ours[:1], alone), f"row 0 of {rows}"


@pytest.mark.parametrize("name", CALLS)
def test_it_rounds_where_the_reference_rounds(name: str) -> None:
    """A place without its rounding changes a third of the numbers; another order of a sum hardly any."""
    alone, together, reference = (
        result(CALLS[name](rows), ops, torch.float16)
        for rows, ops in ((2, kernels()), (8, kernels()), (8, TorchOps()))
    )
    assert (together == reference).double().mean() > 0.9
    assert (alone == reference[:2]).double().mean() > 0.9
    torch.testing.assert_close(together, reference, rtol=4e-3, atol=4e-3)


def test_more_rows_than_a_kernel_takes_go_through_eight_by_eight() -> None:
    def twice(ops: Any, make: Make) -> Tensor:
        x, one = make(19, 12), norm(make, 12, True)
        inner = ops.normed(x, [Normed(linear(make, 5, 12), one, "gelu-tanh")])
        return ops.added([(inner, linear(make, 6, 5))], ops.gated(
            x, one, linear(make, 6, 12), linear(make, 6, 12), "gelu"
        ))  # fmt: skip

    ours = result(twice, kernels(), torch.float32)
    torch.testing.assert_close(
        ours.double(), result(twice, TorchOps(), torch.float32, torch.float64), rtol=2e-6, atol=5e-6
    )
