"""How the kernels of a step's products read weights and inputs, and the order in which they add.

All weights of a program's BN outputs are held in registers, asked for before the first is used; the rows of x
follow one by one, in one order that no number of rows changes. (Walking along the weights once for all rows,
copied ahead into shared memory, was measured on an H200 and was slower at eight rows.)

Every size is a constexpr: a row length of unknown divisibility silently gives loads of two bytes.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def rounded(values: tl.tensor, like: tl.tensor) -> tl.tensor:
    """As a module's output would be, again in float32."""
    return values.to(like.dtype.element_ty).to(tl.float32)


@triton.jit
def _vector(at_ptr: tl.tensor, piece: tl.constexpr, LENGTH: tl.constexpr, CHUNK: tl.constexpr) -> tl.tensor:
    """One piece of a row of LENGTH places as float32, zeros beyond its end."""
    at = piece * CHUNK + tl.arange(0, CHUNK)
    if piece * CHUNK + CHUNK <= LENGTH:
        part = tl.load(at_ptr + at)
    else:
        part = tl.load(at_ptr + at, mask=at < LENGTH, other=0.0)
    return part.to(tl.float32)


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


@triton.jit
def _weights(
    w_ptr: tl.tensor,
    outputs: tl.tensor,
    size: tl.tensor,
    piece: tl.tensor,
    K: tl.constexpr,
    WHOLE: tl.constexpr,
    CHUNK: tl.constexpr,
) -> tl.tensor:
    """One tile [BN, CHUNK] of a matrix; masked only where the sizes do not divide."""
    at = piece * CHUNK + tl.arange(0, CHUNK)
    places = w_ptr + outputs.to(tl.int64)[:, None] * K + at[None, :]
    if WHOLE and K % CHUNK == 0:
        tile = tl.load(places, eviction_policy="evict_first")
    elif WHOLE:
        tile = tl.load(places, mask=(at < K)[None, :], other=0.0, eviction_policy="evict_first")
    else:
        mask = (outputs < size)[:, None] & (at < K)[None, :]
        tile = tl.load(places, mask=mask, other=0.0, eviction_policy="evict_first")
    return tile


@triton.jit
def _thread_sums(tiles: tl.tuple, pieces: tl.tuple, BN: tl.constexpr, CHUNK: tl.constexpr) -> tl.tensor:
    """[BN, CHUNK / 8]: what each thread adds of its own weights times one row of x."""
    total = tl.zeros([BN, CHUNK // 8], dtype=tl.float32)
    for piece in tl.static_range(len(tiles)):
        parts = tiles[piece].to(tl.float32) * pieces[piece][None, :]
        total += tl.sum(parts.reshape(BN, CHUNK // 8, 8), axis=2)
    return total


@triton.jit
def _together(sums: tl.tuple, BN: tl.constexpr, CHUNK: tl.constexpr) -> tl.tensor:
    """[BN, rows] of the threads' sums of each row, brought together across threads once for all rows. The
    first row stands in for missing ones: a row alone is added as it would be in company."""
    count: tl.constexpr = max(2, triton.next_power_of_2(len(sums)))
    merged = sums
    for _missing in tl.static_range(count - len(sums)):
        merged = merged + (sums[0],)
    for _level in tl.static_range(3):
        if len(merged) > 1:
            pairs = ()
            for index in tl.static_range(len(merged) // 2):
                pairs = pairs + (tl.join(merged[index], merged[index + len(merged) // 2]),)
            merged = pairs
    return tl.sum(merged[0].reshape(BN, CHUNK // 8, count), axis=1)


@triton.jit
def _tile(
    w_ptr: tl.tensor,
    outputs: tl.tensor,
    size: tl.tensor,
    K: tl.constexpr,
    WHOLE: tl.constexpr,
    CHUNK: tl.constexpr,
) -> tl.tuple:
    """All weights of the outputs, asked for one after the other."""
    pieces = ()
    for piece in tl.static_range((K + CHUNK - 1) // CHUNK):
        pieces = pieces + (_weights(w_ptr, outputs, size, piece, K, WHOLE, CHUNK),)
    return pieces


@triton.jit
def _tiles(
    weights: tl.tuple,
    outputs: tl.tensor,
    size: tl.tensor,
    LENGTHS: tl.constexpr,
    WHOLE: tl.constexpr,
    CHUNK: tl.constexpr,
    PDL: tl.constexpr,
) -> tl.tuple:
    if PDL:
        tl.extra.cuda.gdc_launch_dependents()
    tiles = ()
    for one in tl.static_range(len(weights)):
        tiles = tiles + (_tile(weights[one], outputs, size, LENGTHS[one], WHOLE, CHUNK),)
    if PDL:
        tl.extra.cuda.gdc_wait()
    return tiles


@triton.jit
def products(
    inputs: tl.tuple,
    weights: tl.tuple,
    gain_ptr: tl.tensor,
    shift_ptr: tl.tensor,
    outputs: tl.tensor,
    size: tl.tensor,
    LENGTHS: tl.constexpr,
    STRIDES: tl.constexpr,
    ROWS: tl.constexpr,
    EPS: tl.constexpr,
    WHOLE: tl.constexpr,
    BN: tl.constexpr,
    CHUNK: tl.constexpr,
    PDL: tl.constexpr,
) -> tl.tuple:
    """Of each matrix with its input, [BN, rows]. What a kernel before this one writes is not touched before
    the wait; weights are written by none."""
    tiles = _tiles(weights, outputs, size, LENGTHS, WHOLE, CHUNK, PDL)
    sums = ()
    for row in tl.static_range(ROWS):
        for one in tl.static_range(len(weights)):
            pieces = row_of(inputs[one] + row * STRIDES[one], LENGTHS[one], CHUNK)
            if gain_ptr is not None:
                pieces = normed(pieces, inputs[one], gain_ptr, shift_ptr, LENGTHS[one], EPS, CHUNK)
            sums = sums + (_thread_sums(tiles[one], pieces, BN, CHUNK),)
    found = ()
    for one in tl.static_range(len(weights)):
        own = ()
        for row in tl.static_range(ROWS):
            own = own + (sums[row * len(weights) + one],)
        found = found + (_together(own, BN, CHUNK),)
    return found
