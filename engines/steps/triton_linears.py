"""The linears of a fused step as Triton kernels: `normed`, `gated` and `added` of StepOps.

Every weight is read once for up to eight rows; more rows go through eight by eight.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import torch
import triton
from torch import Tensor

from engines.steps import triton_products as kernels
from engines.steps.ops import Activation, Linear, Norm, Normed

_MOST_ROWS = 8
_MOST_PARTS = 3
_LEAST_PROGRAMS = 512
"""Four for each multiprocessor of a card: with fewer the last ones run almost alone."""


class Config(NamedTuple):
    """How a product's kernel divides its work."""

    outputs: int
    """That one program computes."""
    chunk: int
    """Places of a row of weights that all its threads read at once."""
    warps: int

    def arguments(self, sizes: Sequence[int], pdl: bool) -> dict[str, Any]:
        ahead = {"launch_pdl": True} if pdl else {}
        whole = all(size % self.outputs == 0 for size in sizes)
        return {
            **{"BN": self.outputs, "CHUNK": self.chunk, "WHOLE": whole, "PDL": pdl},
            **{"num_warps": self.warps, **ahead},
        }


def config_for(
    out: int, lengths: Sequence[int], matrices: int, rows: int, normed_inside: bool, dtype: torch.dtype
) -> Config:
    """For weights of this type. The threads of a chunk do not depend on the rows, so that their sums have one
    order.

    As an H100 and an H200 measured it: a program computes few outputs, or more where it norms x itself or has
    more than two rows to share its weights among.
    """
    if dtype == torch.int8:
        return _config_for_int8(out, lengths, matrices, rows)
    places = 16 // dtype.itemsize * 32
    """That a warp asks for at once."""
    warps = min(8, max(1, triton.next_power_of_2(-(-max(lengths) // (4 * places)))))
    chunk = warps * places
    held = sum(-(-length // chunk) for length in lengths) * places // 32 * matrices
    outputs = 4 if normed_inside or rows > 2 else 2 if out >= 16 * _LEAST_PROGRAMS else 1
    while outputs > 1 and (outputs * held > 128 or out < outputs * _LEAST_PROGRAMS):
        outputs //= 2
    return Config(outputs, chunk, warps)


def _config_for_int8(out: int, lengths: Sequence[int], matrices: int, rows: int) -> Config:
    """As an H200 measured it at one row: many outputs, but one where two inputs are read. At several rows
    what limits them is how many sums and numbers a thread can keep."""
    warps = min(4, max(1, triton.next_power_of_2(-(-max(lengths) // 1024))))
    chunk = warps * 512
    held = sum(-(-length // chunk) for length in lengths) * 16 * matrices
    outputs, most = (8 if len(lengths) == 1 else 1, 384) if rows == 1 else (4 // matrices, 320 // matrices)
    while outputs > 1 and (outputs * held > most or out < 2 * outputs * _LEAST_PROGRAMS):
        outputs //= 2
    return Config(outputs, chunk, warps)


def normed(x: Tensor, parts: Sequence[Normed], pdl: bool = False) -> Tensor:
    """All parts of the same x, their outputs beside each other: [rows, sum of out]."""
    sizes = [part.linear.weight.shape[0] for part in parts]
    y = x.new_empty(len(x), sum(sizes))
    columns = [0, *accumulate(sizes)]
    for start, end in _alike(parts):
        for rows in range(0, len(x), _MOST_ROWS):
            place = y[rows : rows + _MOST_ROWS, columns[start] : columns[end]]
            _normed(x[rows : rows + _MOST_ROWS], parts[start:end], place, pdl)
    return y


def gated(
    x: Tensor, norm: Norm | None, gate: Linear, up: Linear, activation: Activation, pdl: bool = False
) -> Tensor:
    """activation(gate(norm(x))) * up(norm(x)): [rows, out]."""
    out, length = gate.weight.shape
    y = x.new_empty(len(x), out)
    for start in range(0, len(x), _MOST_ROWS):
        part = x[start : start + _MOST_ROWS]
        inside = norm if _norms_inside(len(part), gate) else None
        config = config_for(out, [length], 2, len(part), inside is not None, gate.weight.dtype)
        if norm is not None and inside is None:
            (part,) = _norm_rows(part, [norm], config, pdl)
        kernels.gated_kernel[(triton.cdiv(out, config.outputs),)](
            part,
            (_whole(gate.weight), _whole(up.weight)),
            (gate.scale, up.scale),
            (gate.bias, up.bias),
            *_tensors(inside),
            y[start : start + _MOST_ROWS],
            K=length,
            STRIDE=part.stride(0),
            ROWS=len(part),
            OUT=out,
            ACTIVATION=activation,
            EPS=0.0 if inside is None else inside.eps,
            **config.arguments([out], pdl),
        )
    return y


def added(parts: Sequence[tuple[Tensor, Linear]], residual: Tensor | None, pdl: bool = False) -> Tensor:
    """The linear of each part, added in this order, the residual last."""
    first = parts[0][0]
    out = parts[0][1].weight.shape[0]
    y = first.new_empty(len(first), out)
    lengths = tuple(linear.weight.shape[1] for _, linear in parts)
    for start in range(0, len(first), _MOST_ROWS):
        inputs = tuple(x[start : start + _MOST_ROWS] for x, _ in parts)
        config = config_for(out, lengths, 1, len(inputs[0]), False, parts[0][1].weight.dtype)
        kernels.added_kernel[(triton.cdiv(out, config.outputs),)](
            inputs,
            tuple(_whole(linear.weight) for _, linear in parts),
            tuple(linear.scale for _, linear in parts),
            tuple(linear.bias for _, linear in parts),
            None if residual is None else _whole(residual[start : start + _MOST_ROWS]),
            y[start : start + _MOST_ROWS],
            LENGTHS=lengths,
            STRIDES=tuple(x.stride(0) for x in inputs),
            ROWS=len(inputs[0]),
            OUT=out,
            **config.arguments([out], pdl),
        )
    return y


def _alike(parts: Sequence[Normed]) -> list[tuple[int, int]]:
    """Which parts one launch computes: neighbours, at most three, of one type, normed and biased alike."""

    def kind(part: Normed) -> tuple[torch.dtype, bool, bool, bool, float]:
        norm = part.norm
        shape = (False, False, 0.0) if norm is None else (True, norm.bias is not None, norm.eps)
        return (part.linear.weight.dtype, part.linear.bias is not None, *shape)

    bounds = [0]
    for index, (before, after) in enumerate(pairwise(parts), start=1):
        if kind(before) != kind(after) or index - bounds[-1] == _MOST_PARTS:
            bounds.append(index)
    return list(pairwise([*bounds, len(parts)]))


def _normed(x: Tensor, parts: Sequence[Normed], y: Tensor, pdl: bool) -> None:
    length = x.shape[1]
    sizes = tuple(part.linear.weight.shape[0] for part in parts)
    norms = [part.norm for part in parts]
    inside = norms[0] is not None and _norms_inside(len(x), parts[0].linear)
    config = config_for(sum(sizes), [length], 1, len(x), inside, parts[0].linear.weight.dtype)
    inputs: tuple[Tensor, ...] = (x,) * len(parts)
    eps = norms[0].eps if norms[0] is not None else 0.0
    if norms[0] is not None and not inside:
        inputs, norms = tuple(_norm_rows(x, norms, config, pdl)), [None] * len(parts)
    programs = (0, *accumulate(triton.cdiv(size, config.outputs) for size in sizes))
    shapes = [_tensors(norm) for norm in norms]
    kernels.normed_kernel[(programs[-1],)](
        inputs,
        tuple(_whole(part.linear.weight) for part in parts),
        tuple(part.linear.scale for part in parts),
        tuple(part.linear.bias for part in parts),
        tuple(gain for gain, _ in shapes),
        tuple(shift for _, shift in shapes),
        tuple(y[:, column:] for column in accumulate((0, *sizes[:-1]))),
        K=length,
        STRIDE=inputs[0].stride(0),
        ROWS=len(x),
        SIZES=sizes,
        PROGRAMS=programs,
        OUT=y.stride(0),
        ACTIVATIONS=tuple(part.activation for part in parts),
        EPS=eps,
        **config.arguments(sizes, pdl),
    )


def _norm_rows(x: Tensor, norms: Sequence[Norm | None], config: Config, pdl: bool) -> list[Tensor]:
    """x after each part's norm, each different norm once; by as many threads as a tile has, so that its sums
    have the order that they have inside one."""
    different = list(dict.fromkeys(norm for norm in norms if norm is not None))
    rows, length = x.shape
    made = x.new_empty(len(different), rows, length)
    kernels.norm_rows[(rows,)](
        x,
        tuple(norm.weight for norm in different),
        tuple(norm.bias for norm in different),
        made,
        K=length,
        STRIDE=x.stride(0),
        ROWS=rows,
        EPS=different[0].eps,
        CHUNK=config.chunk,
        PDL=pdl,
        num_warps=config.warps,
        **({"launch_pdl": True} if pdl else {}),
    )
    return [made[different.index(norm)] for norm in norms if norm is not None]


def _norms_inside(rows: int, linear: Linear) -> bool:
    """Whether each program norms x itself."""
    return rows == 1 and linear.weight.dtype != torch.int8


def _tensors(norm: Norm | None) -> tuple[Tensor | None, Tensor | None]:
    return (None, None) if norm is None else (norm.weight, norm.bias)


def _whole(matrix: Tensor) -> Tensor:
    assert matrix.is_contiguous(), "the kernels read rows that follow one another"
    return matrix
