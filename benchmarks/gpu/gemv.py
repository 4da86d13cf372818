"""The third part of `decide`: y = x W^T in bfloat16 by cuBLAS and by the own kernels.

Knows: that weights must not stay in the cache of the card, and what a float64 product says.
Refuses to know: which network the sizes come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.nn import functional

from benchmarks.gpu.compiling import SIZES, SMALL_SIZES, Job, Size, alone, company, compile_together, dots
from benchmarks.gpu.timing import Limit, copies_for, going_on, product_us, wait

_BATCHES = (1, 2, 4, 8)


@dataclass
class Operands:
    """Eight rows of x, and copies of the weights so many that none is read out of a cache."""

    size: Size
    on_card: bool
    x: torch.Tensor
    copies: list[tuple[torch.Tensor, torch.Tensor]]
    wanted: torch.Tensor
    """In float64, of the first copy."""

    def sums(self, rows: int, dtype: torch.dtype) -> torch.Tensor:
        """Not a number, so that what is not written is seen."""
        return torch.full((rows, self.size.n), float("nan"), dtype=dtype, device=self.x.device)

    def error(self, y: torch.Tensor) -> float:
        wanted = self.wanted[: y.shape[0]]
        return float((y.double() - wanted).norm() / wanted.norm())


def gemv(on_card: bool, results: dict[str, Any], save: Callable[[], None], read_gb_s: float | None) -> None:
    """Two passes: every candidate with one row of x, then the best of each form with up to eight."""
    limit = Limit(90)
    sizes = SIZES if on_card else SMALL_SIZES
    if on_card:
        everything = [job for size in sizes for job in (*alone(size), *dots(size))]
        results["compiled first"] = compile_together(everything, 35)
    best: dict[str, list[Job]] = {}
    for size in sizes:
        rows = results.setdefault(size.name, [])
        operands = _operands(size, on_card)
        jobs = [*alone(size), *(replace(job, batch=1) for job in dots(size))]
        tried = [
            (row, job) for job in jobs if not limit.over and (row := _own(operands, job, read_gb_s, None))
        ]
        rows += [row for row, _ in tried]
        best[size.name] = list(_fastest(tried))
        del operands
        save()
    if on_card:
        further = [job for jobs in best.values() for job in jobs if job.form != "dot"]
        jobs = [later for job in further for later in (*company(job, _BATCHES[1:]), *_with_pdl(job))]
        results["compiled second"] = compile_together(jobs, max(5.0, min(25.0, limit.left - 25)))
    for size in sizes:
        if limit.over:
            results["skipped"] = [*results.get("skipped", []), size.name]
            continue
        results[size.name] += _in_company(_operands(size, on_card), best[size.name], read_gb_s, limit)
        save()


def _fastest(tried: list[tuple[dict[str, Any], Job]]) -> Iterator[Job]:
    """The quickest of each form; without a card, simply the first."""
    for form in ("tile", "stream", "dot"):
        whole = [(row, job) for row, job in tried if job.form == form and "broke" not in row]
        if whole:
            yield min(whole, key=lambda pair: pair[0].get("us", 0.0))[1]


def _with_pdl(job: Job) -> list[Job]:
    return [replace(job, pdl=True)] if job.form == "tile" else []


def _in_company(
    operands: Operands, jobs: list[Job], read_gb_s: float | None, limit: Limit
) -> Iterator[dict[str, Any]]:
    """cuBLAS and the best own kernels over the numbers of rows; row 0 is held against the row alone."""
    alone_bits: dict[str, torch.Tensor] = {}
    on_card = operands.on_card
    for batch in _BATCHES if on_card else ():
        if not limit.over:
            yield _library(operands, batch, read_gb_s, alone_bits)
    together = [later for job in jobs for later in company(job, _BATCHES)]
    ahead = [later for job in jobs for later in _with_pdl(job)] if on_card else []
    for later in (*together, *ahead):
        if not limit.over:
            yield _own(operands, later, read_gb_s, alone_bits)


def _operands(size: Size, on_card: bool) -> Operands:
    device, dtype = ("cuda", torch.bfloat16) if on_card else ("cpu", torch.float32)
    random = torch.Generator(device).manual_seed(size.n + size.k)

    def make(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=random, device=device, dtype=dtype)

    first, second = size.matrices()
    count = copies_for(size.n * size.k * 2) if on_card else 1
    copies = []
    for _ in range(count):
        a = make(*first)
        copies.append((a, make(*second) if second else a))
    x = make(8, size.k)
    a, b = copies[0]
    if size.first:
        wanted = _product(x[:, : size.first], a) + _product(x[:, size.first :], b)
    else:
        wanted = torch.cat([_product(x, a), *([_product(x, b)] if second else [])], dim=1)
    return Operands(size, on_card, x, copies, wanted)


def _product(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """In float64, some rows of the weights at a time."""
    return torch.cat([x.double() @ part.double().T for part in w.split(8192)], dim=1)


def _own(
    operands: Operands, job: Job, read_gb_s: float | None, alone_bits: dict[str, torch.Tensor] | None
) -> dict[str, Any]:
    """One row of the table; a kernel that does not run is a sentence in it."""
    row: dict[str, Any] = {"form": job.form, "batch": job.batch, "config": str(job)}
    with going_on(row):
        y = operands.sums(job.batch, torch.float32)
        x = operands.x[: job.batch]
        compiled = job.launch(x, *operands.copies[0], y)
        wait()
        row |= {"error": operands.error(y), "registers": getattr(compiled, "n_regs", 0)}
        row["spills"] = getattr(compiled, "n_spills", 0)
        row |= _same_bits(y, str(replace(job, pdl=False)), alone_bits)
        if operands.on_card:
            row |= _timed(operands, lambda a, b: job.launch(x, a, b, y), read_gb_s)
    return row


def _library(
    operands: Operands, batch: int, read_gb_s: float | None, alone_bits: dict[str, torch.Tensor]
) -> dict[str, Any]:
    """What torch does today: two products where there are two matrices."""
    size, x = operands.size, operands.x[:batch]
    left, right = x[:, : size.first or size.k], x[:, size.first :]

    def product(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if size.first:
            return (functional.linear(left, a).addmm_(right, b.T),)
        return (functional.linear(x, a), *([functional.linear(x, b)] if size.split else []))

    row: dict[str, Any] = {"form": "cublas", "batch": batch, "config": "cublas"}
    with going_on(row):
        y = torch.cat(product(*operands.copies[0]), dim=1)
        row |= {"error": operands.error(y), **_same_bits(y, "cublas", alone_bits)}
        row |= _timed(operands, product, read_gb_s)
    return row


def _same_bits(y: torch.Tensor, name: str, alone_bits: dict[str, torch.Tensor] | None) -> dict[str, Any]:
    """Whether row 0 is, bit for bit, what it was as the only row."""
    if alone_bits is None:
        return {}
    return {"row 0 same": bool(torch.equal(alone_bits.setdefault(name, y[0].clone()), y[0]))}


def _timed(
    operands: Operands, call: Callable[[torch.Tensor, torch.Tensor], Any], read_gb_s: float | None
) -> dict[str, Any]:
    us = product_us(lambda copy: call(*operands.copies[copy]), len(operands.copies))
    moved = operands.size.n * operands.size.k * 2 / us / 1e3
    return {"us": us, "gb_s": moved, "share": moved / read_gb_s if read_gb_s else None}
