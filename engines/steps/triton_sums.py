"""How the kernels of a step's products read weights, and the order in which they add.

All weights of a program's BN outputs are held in registers, asked for before the first is used; the rows of x
follow one by one, in one order that no number of rows changes. (Walking along the weights once for all rows,
copied ahead into shared memory, was measured on an H200 and was slower at eight rows.)

int8 weights are walked along once for all rows, because each is made a number first. x is normed before them,
one row too: in each program that would be more instructions than the weights are.
"""

from __future__ import annotations

import triton
import triton.language as tl

from engines.steps.triton_rows import in_sixteens, normed, row_of

_IS_INTERPRETED = tl.constexpr(triton.knobs.runtime.interpret)


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
def _numbers(tile: tl.tensor) -> tl.tensor:
    """int8 as float32. A byte, 128 added to it, in the lowest place of 2^23 is that number above it: one
    instruction and a subtraction, where the conversion is one that a card does at an eighth of their pace."""
    if _IS_INTERPRETED:
        return tile.to(tl.float32)
    above = tl.inline_asm_elementwise(
        """{ .reg .b32 bytes; xor.b32 bytes, $4, 0x80808080;
        prmt.b32 $0, bytes, 0x4B000000, 0x7440; prmt.b32 $1, bytes, 0x4B000000, 0x7441;
        prmt.b32 $2, bytes, 0x4B000000, 0x7442; prmt.b32 $3, bytes, 0x4B000000, 0x7443; }""",
        "=r,=r,=r,=r,r", [tile], dtype=tl.float32, is_pure=True, pack=4,
    )  # fmt: skip
    return above - 8388736.0


@triton.jit
def _int8_sums(
    tiles: tl.tuple,
    x_ptr: tl.tensor,
    K: tl.constexpr,
    STRIDE: tl.constexpr,
    ROWS: tl.constexpr,
    BN: tl.constexpr,
    CHUNK: tl.constexpr,
) -> tl.tuple:
    """Of each row, [BN, CHUNK / 16]: what each thread adds."""
    sums = ()
    for _row in tl.static_range(ROWS):
        sums = sums + (tl.zeros([BN, CHUNK // 16], dtype=tl.float32),)
    for piece in tl.static_range(len(tiles)):
        weights = _numbers(tiles[piece])
        further = ()
        for row in tl.static_range(ROWS):
            x = in_sixteens(x_ptr + row * STRIDE, piece, K, CHUNK)
            parts = (weights * x[None, :]).reshape(BN, CHUNK // 16, 16)
            further = further + (sums[row] + tl.sum(parts, axis=2),)
        sums = further
    return sums


@triton.jit
def _sums(
    tiles: tl.tuple,
    inputs: tl.tuple,
    gain_ptr: tl.tensor,
    shift_ptr: tl.tensor,
    LENGTHS: tl.constexpr,
    STRIDES: tl.constexpr,
    ROWS: tl.constexpr,
    EPS: tl.constexpr,
    BN: tl.constexpr,
    CHUNK: tl.constexpr,
) -> tl.tuple:
    """Of each matrix and row, [BN, CHUNK / 8]: what each thread adds."""
    sums = ()
    for row in tl.static_range(ROWS):
        for one in tl.static_range(len(tiles)):
            pieces = row_of(inputs[one] + row * STRIDES[one], LENGTHS[one], CHUNK)
            if gain_ptr is not None:
                pieces = normed(pieces, inputs[one], gain_ptr, shift_ptr, LENGTHS[one], EPS, CHUNK)
            sums = sums + (_thread_sums(tiles[one], pieces, BN, CHUNK),)
    by_matrix = ()
    for one in tl.static_range(len(tiles)):
        own = ()
        for row in tl.static_range(ROWS):
            own = own + (sums[row * len(tiles) + one],)
        by_matrix = by_matrix + (own,)
    return by_matrix


@triton.jit
def _together(sums: tl.tuple, BN: tl.constexpr) -> tl.tensor:
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
    return tl.sum(merged[0].reshape(BN, sums[0].shape[1], count), axis=1)


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
    if tiles[0][0].dtype == tl.int8:
        by_matrix = ()
        for one in tl.static_range(len(weights)):
            own = _int8_sums(tiles[one], inputs[one], LENGTHS[one], STRIDES[one], ROWS, BN, CHUNK)
            by_matrix = by_matrix + (own,)
    else:
        by_matrix = _sums(tiles, inputs, gain_ptr, shift_ptr, LENGTHS, STRIDES, ROWS, EPS, BN, CHUNK)
    found = ()
    for one in tl.static_range(len(weights)):
        found = found + (_together(by_matrix[one], BN),)
    return found
