"""How queries attend over one split of a row's keys, and how the splits become one sum, in Triton.

Apart from the attention kernel because nothing here knows where keys come from.
"""

from __future__ import annotations

import triton
import triton.language as tl

_LEAST = tl.constexpr(-1e30)
"""Below every score; infinity less itself would be no number."""


@triton.jit
def attend_each(
    queries: tl.tuple,
    keys: tl.tensor,
    values: tl.tensor,
    there: tl.tensor,
    news: tl.tuple,
    query_at: tl.tensor,
    split: tl.tensor,
    parts: tl.tensor,
    sums: tl.tensor,
    at: tl.tensor,
    SCALING: tl.constexpr,
    SIZE: tl.constexpr,
) -> None:
    """All queries of a program over its split; what this launch writes no program of it reads, so the last
    split takes the new key and value as they were made."""
    new_key, new_value, is_last = news
    for share in tl.static_range(len(queries)):
        entry, query = (query_at + share) * tl.num_programs(2) + split, queries[share].to(tl.float32)
        scores = tl.sum(query[None, :] * keys.to(tl.float32), axis=1) * SCALING
        new_score = tl.sum(query * new_key.to(tl.float32), axis=0) * SCALING
        scores, new_score = tl.where(there, scores, _LEAST), tl.where(is_last, new_score, _LEAST)
        top = tl.maximum(tl.max(scores, axis=0), new_score)
        weights, new_weight = tl.exp2(scores - top), tl.exp2(new_score - top)
        tl.store(sums + entry * 2, top)
        tl.store(sums + entry * 2 + 1, tl.sum(weights, axis=0) + new_weight)
        part = tl.sum(weights[:, None] * values.to(tl.float32), axis=0)
        part += new_weight * new_value.to(tl.float32)
        tl.store(parts + entry.to(tl.int64) * SIZE + at, part, mask=at < SIZE)


@triton.jit
def _put_together(
    attended: tl.tensor,
    parts: tl.tensor,
    sums: tl.tensor,
    query: tl.tensor,
    count: tl.tensor,
    at: tl.tensor,
    SHARE: tl.constexpr,
    SHARES: tl.constexpr,
    SIZE: tl.constexpr,
    PLACES: tl.constexpr,
    TOGETHER: tl.constexpr,
) -> None:
    """All splits of these queries in their order; past the caches that do not see other programs' writes."""
    share = tl.arange(0, SHARES)
    top = tl.full([SHARES], _LEAST, tl.float32)
    total = tl.where(share < SHARE, 0.0, 1.0)
    sum_of_all = tl.zeros([SHARES, PLACES], tl.float32)
    done = 0
    while done < count:
        split = done + tl.arange(0, TOGETHER)
        entry = (query + share)[:, None] * tl.num_programs(2) + split[None, :]
        there = (share < SHARE)[:, None] & (split < count)[None, :]
        tops = tl.load(sums + entry * 2, mask=there, other=_LEAST, cache_modifier=".cg")
        totals = tl.load(sums + entry * 2 + 1, mask=there, other=0.0, cache_modifier=".cg")
        inside = there[:, :, None] & (at < SIZE)[None, None, :]
        places = parts + entry.to(tl.int64)[:, :, None] * SIZE + at[None, None, :]
        part = tl.load(places, mask=inside, other=0.0, cache_modifier=".cg")
        highest = tl.maximum(top, tl.max(tops, axis=1))
        before, weight = tl.exp2(top - highest), tl.exp2(tops - highest[:, None])
        total = total * before + tl.sum(totals * weight, axis=1)
        sum_of_all = sum_of_all * before[:, None] + tl.sum(part * weight[:, :, None], axis=1)
        top = highest
        done += TOGETHER
    places = attended + (query + share)[:, None] * SIZE + at[None, :]
    inside = (share < SHARE)[:, None] & (at < SIZE)[None, :]
    tl.store(places, (sum_of_all / total[:, None]).to(attended.dtype.element_ty), mask=inside)


@triton.jit
def finish(
    arrivals: tl.tensor,
    attended: tl.tensor,
    parts: tl.tensor,
    sums: tl.tensor,
    query: tl.tensor,
    count: tl.tensor,
    at: tl.tensor,
    SHARE: tl.constexpr,
    SHARES: tl.constexpr,
    SIZE: tl.constexpr,
    PLACES: tl.constexpr,
    TOGETHER: tl.constexpr,
) -> None:
    """Only the last of a row's splits to come here; it leaves the counter as the first found it."""
    tl.debug_barrier()  # all threads have written their part before one of them says so
    if tl.atomic_add(arrivals + query, 1) == count - 1:
        _put_together(attended, parts, sums, query, count, at, SHARE, SHARES, SIZE, PLACES, TOGETHER)
        tl.store(arrivals + query, 0)
