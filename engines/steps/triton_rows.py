"""How the kernels of a step's products read a row of x, and norm it.

Each thread has the places of x that it has of the weights. Every size is a constexpr: a row length of unknown
divisibility silently gives loads of two bytes.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def rounded(values: tl.tensor, like: tl.tensor) -> tl.tensor:
    """As a module's output would be, again in float32."""
    return values.to(like.dtype.element_ty).to(tl.float32)


@triton.jit
def _places(at_ptr: tl.tensor, at: tl.tensor, end: tl.constexpr, LENGTH: tl.constexpr) -> tl.tensor:
    """Of a row of LENGTH places as float32, zeros beyond its end; `end`: behind the last of `at`."""
    part = tl.load(at_ptr + at) if end <= LENGTH else tl.load(at_ptr + at, mask=at < LENGTH, other=0.0)
    return part.to(tl.float32)


@triton.jit
def _vector(at_ptr: tl.tensor, piece: tl.constexpr, LENGTH: tl.constexpr, CHUNK: tl.constexpr) -> tl.tensor:
    return _places(at_ptr, piece * CHUNK + tl.arange(0, CHUNK), piece * CHUNK + CHUNK, LENGTH)


@triton.jit
def in_sixteens(
    at_ptr: tl.tensor, piece: tl.constexpr, LENGTH: tl.constexpr, CHUNK: tl.constexpr
) -> tl.tensor:
    """One piece of a row, of which each thread has sixteen places that follow one another, as it has of int8
    weights: loaded eight at a time, or they would have to be handed from thread to thread."""
    half = tl.arange(0, CHUNK // 2)
    at = piece * CHUNK + half // 8 * 16 + half % 8
    first = _places(at_ptr, at, piece * CHUNK + CHUNK, LENGTH).reshape(CHUNK // 16, 8)
    second = _places(at_ptr, at + 8, piece * CHUNK + CHUNK, LENGTH).reshape(CHUNK // 16, 8)
    return tl.join(first, second).permute(0, 2, 1).reshape(CHUNK)


@triton.jit
def row_of(x_ptr: tl.tensor, K: tl.constexpr, CHUNK: tl.constexpr) -> tl.tuple:
    pieces = ()
    for piece in tl.static_range((K + CHUNK - 1) // CHUNK):
        pieces = pieces + (_vector(x_ptr, piece, K, CHUNK),)
    return pieces


@triton.jit
def _mean(pieces: tl.tuple, K: tl.constexpr, CHUNK: tl.constexpr) -> tl.tensor:
    total = tl.zeros([CHUNK], dtype=tl.float32)
    for piece in tl.static_range(len(pieces)):
        total += pieces[piece]
    return tl.sum(total, axis=0) / K


@triton.jit
def normed(
    pieces: tl.tuple,
    x_ptr: tl.tensor,
    gain_ptr: tl.tensor,
    shift_ptr: tl.tensor,
    K: tl.constexpr,
    EPS: tl.constexpr,
    CHUNK: tl.constexpr,
) -> tl.tuple:
    """A row after its norm, rounded where the module rounds; without a shift it is an RMS norm."""
    mean = 0.0
    if shift_ptr is not None:
        mean = _mean(pieces, K, CHUNK)
    squares = ()
    for piece in tl.static_range(len(pieces)):
        inside = piece * CHUNK + tl.arange(0, CHUNK) < K
        apart = tl.where(inside, pieces[piece] - mean, 0.0)
        squares = squares + (apart * apart,)
    scale = tl.rsqrt(_mean(squares, K, CHUNK) + EPS)
    after = ()
    for piece in tl.static_range(len(pieces)):
        gain = _vector(gain_ptr, piece, K, CHUNK)
        if shift_ptr is not None:
            shift = _vector(shift_ptr, piece, K, CHUNK)
            part = (pieces[piece] - mean) * scale * gain + shift
        else:
            part = rounded(pieces[piece] * scale, x_ptr) * gain
        after = after + (rounded(part, x_ptr),)
    return after
