"""Attention of a step's new tokens over cached keys, one Triton kernel a layer; and a norm that is added.

A program attends for some queries that share one key, over a fixed number of the row's keys: a split. Lengths
and slots and the place of the cache are read on the device; splits beyond a length leave at once. A row's
bits depend on its own keys alone: not on the rows beside it, the length class or the place of the cache.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from engines.steps.ops import Heads, Norm
from engines.steps.tables import StepTables
from engines.steps.triton_heads import cached, head, heads_of, normed, old, turns
from engines.steps.triton_splits import attend_each, finish

_SPLIT = 64
_LOG2_E = math.log2(math.e)


def attend(
    mixed: Tensor,
    heads: Heads,
    layer: int,
    tables: StepTables,
    keys: int,
    arrivals: Tensor,
    pdl: bool = False,
) -> Tensor:
    """`arrivals` counts finished splits: int32, zero before and after, one a row and query at least.

    With `pdl` tables and old keys are read before the kernel launched before has ended: it writes neither."""
    rows, splits = len(mixed), triton.cdiv(min(keys, heads.window or keys), _SPLIT)
    attended = mixed.new_empty(rows, heads.queries * heads.size)
    parts = mixed.new_empty(rows, heads.queries, splits, heads.size, dtype=torch.float32)
    sums = mixed.new_empty(rows, heads.queries, splits, 2, dtype=torch.float32)
    constants = constants_of(heads, mixed.stride(0))
    _attend[(rows, heads.queries // constants["SHARE"], splits)](
        mixed,
        attended,
        tables.lengths,
        tables.slots,
        tables.addresses,
        tables.strides,
        mixed if heads.rotary is None else heads.rotary.frequencies,
        mixed if heads.query_norm is None else heads.query_norm.weight,
        mixed if heads.key_norm is None else heads.key_norm.weight,
        parts,
        sums,
        arrivals,
        layer,
        **constants,
        PDL=pdl,
        **launch_of(heads, pdl),
    )
    return attended


def constants_of(heads: Heads, stride: int) -> dict[str, Any]:
    """What a kernel is compiled for; the order of its sums follows from the heads alone."""
    assert not heads.packed or heads.queries == heads.groups
    sharing, places = heads.queries // heads.groups, triton.next_power_of_2(heads.size)
    share = max(count for count in range(1, 9) if sharing % count == 0)  # more do not fit the registers
    shares = triton.next_power_of_2(share)
    return {
        "STRIDE": stride,
        "QUERIES": heads.queries,
        "GROUPS": heads.groups,
        "SHARE": share,
        "SHARES": shares,
        "SIZE": heads.size,
        "PLACES": places,
        "ALIGNED": math.gcd(heads.size, 16),
        "PACKED": heads.packed,
        "ROTARY": 0 if heads.rotary is None else heads.rotary.size,
        "TURN_SCALING": 1.0 if heads.rotary is None else heads.rotary.scaling,
        "SCALING": heads.scaling * _LOG2_E,
        "QUERY_EPS": None if heads.query_norm is None else heads.query_norm.eps,
        "KEY_EPS": None if heads.key_norm is None else heads.key_norm.eps,
        "WINDOW": heads.window,
        "SPLIT": _SPLIT,
        "TOGETHER": max(2, min(16, 16384 // (places * shares))),
    }


def launch_of(heads: Heads, pdl: bool) -> dict[str, Any]:
    return {"num_warps": 8 if heads.size > 128 else 4, **({"launch_pdl": True} if pdl else {})}


def add_normed(x: Tensor, y: Tensor, norm: Norm, pdl: bool = False) -> Tensor:
    """x + norm(y)."""
    added = torch.empty_like(x, memory_format=torch.contiguous_format)
    _add_normed[(len(x),)](
        x,
        y,
        norm.weight,
        norm.weight if norm.bias is None else norm.bias,
        added,
        X_STRIDE=x.stride(0),
        Y_STRIDE=y.stride(0),
        SIZE=x.shape[1],
        PLACES=triton.next_power_of_2(x.shape[1]),
        EPS=norm.eps,
        BIAS=norm.bias is not None,
        PDL=pdl,
        num_warps=8,
        **({"launch_pdl": True} if pdl else {}),
    )
    return added


# fmt: off
@triton.jit(do_not_specialize=["layer"])
def _attend(
    mixed: tl.tensor, attended: tl.tensor, lengths: tl.tensor, slots: tl.tensor, addresses: tl.tensor,
    strides: tl.tensor, frequencies: tl.tensor, query_weights: tl.tensor, key_weights: tl.tensor,
    parts: tl.tensor, sums: tl.tensor, arrivals: tl.tensor, layer: tl.tensor, STRIDE: tl.constexpr,
    QUERIES: tl.constexpr, GROUPS: tl.constexpr, SHARE: tl.constexpr, SHARES: tl.constexpr,
    SIZE: tl.constexpr, PLACES: tl.constexpr, ALIGNED: tl.constexpr, PACKED: tl.constexpr,
    ROTARY: tl.constexpr, TURN_SCALING: tl.constexpr, SCALING: tl.constexpr, QUERY_EPS: tl.constexpr,
    KEY_EPS: tl.constexpr, WINDOW: tl.constexpr, SPLIT: tl.constexpr, TOGETHER: tl.constexpr,
    PDL: tl.constexpr,
) -> None:  # fmt: on
    """One split of one row for SHARE queries."""
    if PDL:
        tl.extra.cuda.gdc_launch_dependents()
    row, first, split = tl.program_id(0), tl.program_id(1) * SHARE, tl.program_id(2)
    group = first // (QUERIES // GROUPS)
    length, slot = tl.load(lengths + row), tl.load(slots + row)
    key_home = cached(addresses + layer * 2, strides + layer * 2, slot, group, mixed, SIZE, ALIGNED)
    value_home = cached(addresses + layer * 2 + 1, strides + layer * 2, slot, group, mixed, SIZE, ALIGNED)
    start = split * SPLIT + (0 if WINDOW is None else tl.maximum(length + 1 - WINDOW, 0))
    if start > length:
        return
    at, there = tl.arange(0, PLACES), start + tl.arange(0, SPLIT) < length
    keys = old(key_home, start, length, at, SIZE, PLACES, SPLIT)
    values = old(value_home, start, length, at, SIZE, PLACES, SPLIT)
    cos, sin = turns(frequencies, length, at, ROTARY, TURN_SCALING)
    if PDL:
        tl.extra.cuda.gdc_wait()
    own, step = mixed + row * STRIDE, SIZE * 3 if PACKED else SIZE
    new = own + (group * step + SIZE if PACKED else (QUERIES + group) * SIZE)
    new_key = head(new, key_weights, cos, sin, at, SIZE, ROTARY, KEY_EPS)
    new_value = tl.load(new + (SIZE if PACKED else GROUPS * SIZE) + at, mask=at < SIZE, other=0.0)
    queries = heads_of(own + first * step, query_weights, cos, sin, at, step, SHARE, SIZE, ROTARY, QUERY_EPS)
    is_last = start + SPLIT > length
    writes = (at < SIZE) & is_last & (first % (QUERIES // GROUPS) == 0)
    tl.store(key_home + length * SIZE + at, new_key, mask=writes)
    tl.store(value_home + length * SIZE + at, new_value, mask=writes)
    query, count = row * QUERIES + first, (length - start) // SPLIT + split + 1
    news = (new_key, new_value, is_last)
    attend_each(queries, keys, values, there, news, query, split, parts, sums, at, SCALING, SIZE)
    finish(arrivals, attended, parts, sums, query, count, at, SHARE, SHARES, SIZE, PLACES, TOGETHER)


@triton.jit
def _add_normed(
    x: tl.tensor,
    y: tl.tensor,
    weights: tl.tensor,
    biases: tl.tensor,
    added: tl.tensor,
    X_STRIDE: tl.constexpr,
    Y_STRIDE: tl.constexpr,
    SIZE: tl.constexpr,
    PLACES: tl.constexpr,
    EPS: tl.constexpr,
    BIAS: tl.constexpr,
    PDL: tl.constexpr,
) -> None:
    """One row."""
    if PDL:
        tl.extra.cuda.gdc_launch_dependents()
    row, at = tl.program_id(0), tl.arange(0, PLACES)
    inside = at < SIZE
    weight = tl.load(weights + at, mask=inside, other=0.0)
    if PDL:
        tl.extra.cuda.gdc_wait()
    y_row = tl.load(y + row * Y_STRIDE + at, mask=inside, other=0.0)
    wide = y_row.to(tl.float32)
    if BIAS:
        wide = tl.where(inside, wide - tl.sum(wide, axis=0) * (1.0 / SIZE), 0.0)
    spread = tl.rsqrt(tl.sum(wide * wide, axis=0) * (1.0 / SIZE) + EPS)
    if BIAS:
        bias = tl.load(biases + at, mask=inside, other=0.0).to(tl.float32)
        normal = (wide * spread * weight.to(tl.float32) + bias).to(y_row.dtype)
    else:
        normal = normed(y_row, weight, spread)
    own = tl.load(x + row * X_STRIDE + at, mask=inside, other=0.0)
    tl.store(added + row * SIZE + at, (own.to(tl.float32) + normal.to(tl.float32)).to(own.dtype), mask=inside)
