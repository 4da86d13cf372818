"""The products of a fused step on a card: held against torch, and timed with weights that no cache holds.

Run: python -m benchmarks.gpu.linears [--seconds 40] [--pdl] [--cpu]    a line of JSON for each figure

A figure is the time of one product, its norm included, in a replayed CUDA graph, and the share that its
weights make of what a copy moves in the same run. `table` is what the product uses; the others are what it
might.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.gpu.timing import Limit, copies_for, copy_gb_s, going_on, product_us, wait
from engines.steps.int8_linear import quantized
from engines.steps.ops import Activation, Linear, Norm, Normed
from engines.steps.torch_ops import TorchOps

_BATCHES = (1, 8, 2, 4)

Shape = tuple[int, int, int]
"""Of a Config."""


@dataclass(frozen=True)
class Product:
    """One launch of a layer, or the head."""

    name: str
    kind: str
    sizes: tuple[int, ...]
    """Outputs of each matrix."""
    lengths: tuple[int, ...]
    """Inputs of each matrix."""
    biased: bool = False
    searched: bool = False

    @property
    def bytes(self) -> int:
        return 2 * sum(size * length for size, length in zip(self.sizes, self.lengths, strict=True))


PRODUCTS = (
    Product("neox in", "normed", (12288, 16384), (4096, 4096), biased=True, searched=True),
    Product("neox out", "added", (4096, 4096), (16384, 4096), biased=True, searched=True),
    Product("llama gated", "gated", (11008, 11008), (4096, 4096), searched=True),
    Product("llama down", "added", (4096,), (11008,), searched=True),
    Product("llama qkv", "normed", (4096, 4096, 4096), (4096,) * 3, searched=True),
    Product("llama o", "added", (4096,), (4096,), searched=True),
    Product("8b qkv", "normed", (4096, 1024, 1024), (4096,) * 3),
    Product("8b gated", "gated", (14336, 14336), (4096, 4096)),
    Product("8b down", "added", (4096,), (14336,), searched=True),
    Product("head 30080", "normed", (30080,), (4096,), biased=True),
    Product("head 151936", "normed", (151936,), (4096,)),
)
SMALL = (
    Product("neox in", "normed", (8, 12), (64, 64), biased=True),
    Product("neox out", "added", (8, 8), (96, 64), biased=True),
    Product("llama gated", "gated", (9, 9), (64, 64)),
)


@dataclass(frozen=True)
class Operands:
    """Eight rows of every input, and copies of the weights so many that none is read out of a cache."""

    product: Product
    inputs: list[Tensor]
    residual: Tensor
    copies: list[list[Linear]]
    norms: list[Norm]

    def call(self, ops: Any, rows: int, copy: int = 0) -> Tensor:
        xs, linears, norms = [x[:rows] for x in self.inputs], self.copies[copy], self.norms
        if self.product.kind == "added":
            return ops.added(list(zip(xs, linears, strict=True)), self.residual[:rows])
        if self.product.kind == "gated":
            return ops.gated(xs[0], norms[0], *linears, "silu")
        activations: tuple[Activation | None, ...] = (None,) * len(linears)
        if len(linears) == 2:
            activations = (None, "gelu")
        return ops.normed(xs[0], [Normed(*part) for part in zip(linears, norms, activations, strict=True)])

    def by_cublas(self, rows: int, copy: int) -> None:
        """Its matrices by torch, without what stands around them."""
        for index, linear in enumerate(self.copies[copy]):
            functional.linear(self.inputs[index][:rows], linear.weight, linear.bias)


def operands(product: Product, make: Callable[..., Tensor], count: int, int8: bool = False) -> Operands:
    def linear(out: int, length: int) -> Linear:
        weight, bias = make(out, length), make(out) if product.biased else None
        if not int8:
            return Linear(weight, bias)
        rows, scale = quantized(weight)
        return Linear(rows, bias, scale)

    def linears() -> list[Linear]:
        return [linear(*shape) for shape in zip(product.sizes, product.lengths, strict=True)]

    length = product.lengths[0]
    norms = [Norm(make(length), make(length) if product.biased else None, 1e-5) for _ in product.sizes]
    if not product.biased:
        norms = norms[:1] * len(norms)
    added = product.kind == "added"
    inputs = [make(8, one) for one in product.lengths] if added else [make(8, length)] * len(product.sizes)
    return Operands(product, inputs, make(8, product.sizes[0]), [linears() for _ in range(count)], norms)


def candidates(product: Product) -> Iterator[Shape]:
    longest = max(product.lengths)
    both = len(product.sizes) if product.kind == "gated" else 1
    for warps in (4, 8) if longest <= 4096 else (8, 16):
        chunk = warps * 256
        held = sum(-(-length // chunk) for length in set(product.lengths)) * 8 * both
        yield from ((bn, chunk, warps) for bn in (1, 2, 4, 8) if bn * held <= 160)


def jobs(small: bool, searching: bool) -> list[tuple[int, int, Shape | None]]:
    """What the table says of every product first; then what it might, of those that are searched."""
    products = SMALL if small else PRODUCTS
    listed = [(index, rows, None) for rows in _BATCHES for index in range(len(products))]
    if not searching:
        return [*listed]
    return [*listed, *((i, r, c) for i, p in enumerate(products) if p.searched for r in (1, 8)
                       for c in candidates(p))]  # fmt: skip


def own_call(held: Operands, rows: int, shape: Shape | None, pdl: bool, copy: int = 0) -> Tensor:
    from engines.steps import triton_linears

    class Ops:
        """With its keyword as asked."""

        def __getattr__(self, name: str) -> Callable[..., Tensor]:
            return lambda *given: getattr(triton_linears, name)(*given, pdl=pdl)

    if shape is None:
        return held.call(Ops(), rows, copy)
    with mock.patch.object(triton_linears, "config_for", lambda *_: triton_linears.Config(*shape)):
        return held.call(Ops(), rows, copy)


def figures(
    held: Operands, rows: int, shape: Shape | None, pdl: bool, bits: dict[Any, Tensor], moved_gb_s: float
) -> dict[str, Any]:
    row: dict[str, Any] = {"product": held.product.name, "rows": rows, "config": shape or "table", "pdl": pdl}
    with going_on(row):
        y = own_call(held, rows, shape, pdl)
        wanted = held.call(TorchOps(), rows).double()
        row["error"] = float(f"{(y.double() - wanted).norm() / wanted.norm():.1e}")
        order = "table" if shape is None else shape[1:]
        row["row 0 same"] = torch.equal(bits.setdefault((held.product.name, order), y[0].clone()), y[0])
        if y.is_cuda:
            row |= timed(held, lambda copy: own_call(held, rows, shape, pdl, copy), moved_gb_s)
    return row


def timed(held: Operands, call: Callable[[int], Any], moved_gb_s: float) -> dict[str, Any]:
    us = product_us(call, len(held.copies))
    return {"us": round(us, 1), "share": round(held.product.bytes / us / 1e3 / moved_gb_s, 3)}


def measured(
    small: bool, searching: bool, pdl: bool, limit: Limit, compiled: Callable[[], dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """cuBLAS first, while the own kernels are compiled; then those, each held against torch."""
    products = SMALL if small else PRODUCTS
    device, dtype = ("cpu", torch.float32) if small else ("cuda", torch.bfloat16)
    random = torch.Generator(device).manual_seed(0)

    def make(*shape: int) -> Tensor:
        scale = shape[-1] ** -0.5 if len(shape) == 2 and shape[0] > 8 else 1.0
        return torch.randn(shape, generator=random, device=device, dtype=dtype) * scale

    held = [operands(one, make, 1 if small else copies_for(one.bytes)) for one in products]
    moved_gb_s = 0.0
    if not small:
        moved_gb_s = copy_gb_s(torch.randn(2**28, device=device))
        yield {"copy_gb_s": round(moved_gb_s)}
        for one in held:
            for rows in _BATCHES:
                cublas = timed(one, partial(one.by_cublas, rows), moved_gb_s)
                yield {"product": one.product.name, "rows": rows, "config": "cublas", **cublas}
    yield compiled()
    bits: dict[Any, Tensor] = {}
    for index, rows, shape in jobs(small, searching):
        if limit.over:
            yield {"left out": "no time"}
            return
        yield figures(held[index], rows, shape, pdl, bits, moved_gb_s)
    wait()


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Hold the fused step's products against torch, and time them and what they might be."
    )
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--pdl", action="store_true", help="programmatic dependent launch")
    parser.add_argument("--cpu", action="store_true", help="a few small ones in Triton's interpreter")
    options = parser.parse_args()
    limit = Limit(options.seconds)
    rows = measured(True, True, False, limit, lambda: {})
    os.environ.setdefault("TRITON_CACHE_DIR", tempfile.mkdtemp(prefix="triton-"))
    if options.cpu:
        os.environ["TRITON_INTERPRET"] = "1"
    else:
        from benchmarks.gpu.compiling import compile_ahead

        compiled = compile_ahead(options.seconds * 0.45, True, options.pdl)
        rows = measured(False, True, options.pdl, limit, compiled)
    for row in rows:
        sys.stdout.write(json.dumps(row) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
