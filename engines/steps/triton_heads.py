"""How a Triton kernel reads one head: of a new token, normed and turned by its position; cached, by address.

Apart from the attention itself, because nothing here knows how many keys there are or who attends to them.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def normed(x: tl.tensor, weights: tl.tensor, spread: tl.tensor) -> tl.tensor:
    """Rounded before the weight and after, as transformers does."""
    rounded = (x.to(tl.float32) * spread).to(x.dtype)
    return (rounded.to(tl.float32) * weights.to(tl.float32)).to(x.dtype)


@triton.jit
def turns(
    frequencies: tl.tensor, position: tl.tensor, at: tl.tensor, ROTARY: tl.constexpr, SCALING: tl.constexpr
) -> tuple[tl.tensor, tl.tensor]:
    """Cosine and sine of the row's position for each place of a head."""
    angle = at.to(tl.float32)
    if ROTARY > 0:
        frequency = tl.load(frequencies + at % (ROTARY // 2), mask=at < ROTARY, other=0.0)
        angle = frequency.to(tl.float32) * position.to(tl.float32)
    return tl.cos(angle) * SCALING, tl.sin(angle) * SCALING


@triton.jit
def head(
    head: tl.tensor,
    weights: tl.tensor,
    cos: tl.tensor,
    sin: tl.tensor,
    at: tl.tensor,
    SIZE: tl.constexpr,
    ROTARY: tl.constexpr,
    EPS: tl.constexpr,
) -> tl.tensor:
    """A query or key as it attends: normed, then turned, rounded wherever transformers rounds."""
    x = tl.load(head + at, mask=at < SIZE, other=0.0)
    half: tl.constexpr = ROTARY // 2
    partner = tl.where(at < half, at + half, tl.where(at < ROTARY, at - half, at))
    spread = 1.0
    if EPS is not None:
        wide = x.to(tl.float32)
        spread = tl.rsqrt(tl.sum(wide * wide, axis=0) * (1.0 / SIZE) + EPS)
        x = normed(x, tl.load(weights + at, mask=at < SIZE, other=0.0), spread)
    if ROTARY > 0:
        other = tl.load(head + partner, mask=at < SIZE, other=0.0)
        if EPS is not None:
            other = normed(other, tl.load(weights + partner, mask=at < SIZE, other=0.0), spread)
        across = tl.where(at < half, -other.to(tl.float32), other.to(tl.float32))
        own = (x.to(tl.float32) * cos.to(x.dtype).to(tl.float32)).to(x.dtype)
        across = (across * sin.to(x.dtype).to(tl.float32)).to(x.dtype)
        x = tl.where(at < ROTARY, (own.to(tl.float32) + across.to(tl.float32)).to(x.dtype), x)
    return x


@triton.jit
def heads_of(
    first: tl.tensor,
    weights: tl.tensor,
    cos: tl.tensor,
    sin: tl.tensor,
    at: tl.tensor,
    step: tl.tensor,
    COUNT: tl.constexpr,
    SIZE: tl.constexpr,
    ROTARY: tl.constexpr,
    EPS: tl.constexpr,
) -> tl.tuple:
    """So many heads, `step` places from one to the next."""
    made = ()
    for count in tl.static_range(COUNT):
        made = made + (head(first + count * step, weights, cos, sin, at, SIZE, ROTARY, EPS),)
    return made


@triton.jit
def cached(
    address: tl.tensor,
    strides: tl.tensor,
    slot: tl.tensor,
    group: tl.tensor,
    like: tl.tensor,
    SIZE: tl.constexpr,
    ALIGNED: tl.constexpr,
) -> tl.tensor:
    """Where one head of one slot lies; all that is known of it is said, or loads would be of two bytes."""
    base = tl.multiple_of(tl.load(address).to(like.dtype), 16)
    to_slot = tl.multiple_of(tl.load(strides), ALIGNED)
    to_group = tl.multiple_of(tl.load(strides + 1), ALIGNED)
    return base + slot * to_slot + group * to_group


@triton.jit
def old(
    head: tl.tensor,
    start: tl.tensor,
    length: tl.tensor,
    at: tl.tensor,
    SIZE: tl.constexpr,
    PLACES: tl.constexpr,
    SPLIT: tl.constexpr,
) -> tl.tensor:
    """The split's keys or values that earlier steps wrote: [SPLIT, PLACES], zeros beyond them."""
    key = tl.arange(0, SPLIT)
    there = (start + key < length)[:, None]
    if PLACES > SIZE:
        there = there & (at < SIZE)[None, :]
    return tl.load(head + start * SIZE + (key[:, None] * SIZE + at[None, :]), mask=there, other=0.0)
