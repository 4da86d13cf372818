"""The Triton kernels that the questions to a card are asked with: a vector times a matrix, a sum, a chain.

Knows: how a program reads its rows of the weights and in which order it adds.
Refuses to know: which sizes are tried, and how anything is timed.

Every size is a constexpr: a row length of unknown divisibility silently gives loads of two bytes.
A matrix may be two: `SPLIT` rows come from the first and the rest from the second (two outputs of one input),
or the first `FIRST` columns come from the first and the rest from the second (one sum over two inputs).
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def add_one(x_ptr: tl.tensor, SIZE: tl.constexpr, PDL: tl.constexpr) -> None:
    """One link of a chain: it depends on all that the link before it wrote."""
    if PDL:
        tl.extra.cuda.gdc_launch_dependents()
        tl.extra.cuda.gdc_wait()
    at = tl.program_id(0) * SIZE + tl.arange(0, SIZE)
    tl.store(x_ptr + at, tl.load(x_ptr + at) + 1.0)


@triton.jit
def read_sum(x_ptr: tl.tensor, y_ptr: tl.tensor, STEPS: tl.constexpr, BLOCK: tl.constexpr) -> None:
    """Read all of x once; each program adds STEPS blocks that lie one after the other."""
    start = tl.program_id(0).to(tl.int64) * (STEPS * BLOCK)
    total = tl.zeros([BLOCK], dtype=tl.float32)
    for step in tl.static_range(STEPS):
        at = start + step * BLOCK + tl.arange(0, BLOCK)
        total += tl.load(x_ptr + at, eviction_policy="evict_first")
    tl.store(y_ptr + tl.program_id(0), tl.sum(total, axis=0))


@triton.jit
def _matrix(
    a_ptr: tl.tensor,
    b_ptr: tl.tensor,
    rows: tl.tensor,
    N: tl.constexpr,
    SPLIT: tl.constexpr,
    BN: tl.constexpr,
) -> tuple[tl.tensor, tl.tensor]:
    """The matrix this program's rows are in, and where in it; BN divides SPLIT."""
    if SPLIT == N:
        return a_ptr, rows
    w_ptr, own = a_ptr, rows
    if tl.program_id(0) * BN >= SPLIT:
        w_ptr, own = b_ptr, rows - SPLIT
    return w_ptr, own


@triton.jit
def _columns(
    START: tl.constexpr, END: tl.constexpr, CHUNK: tl.constexpr, piece: tl.tensor
) -> tuple[tl.tensor, tl.tensor]:
    """Places of one piece of a row, and which of them are inside the row."""
    at = piece * CHUNK + tl.arange(0, CHUNK)
    return START + at, at < END - START


@triton.jit
def _weights(
    w_ptr: tl.tensor,
    rows: tl.tensor,
    piece: tl.tensor,
    ROWS: tl.constexpr,
    LENGTH: tl.constexpr,
    BN: tl.constexpr,
    CHUNK: tl.constexpr,
) -> tl.tensor:
    """One tile [BN, CHUNK] of a matrix; masked only where the sizes do not divide."""
    at, inside = _columns(0, LENGTH, CHUNK, piece)
    places = w_ptr + rows[:, None] * LENGTH + at[None, :]
    if ROWS % BN == 0 and LENGTH % CHUNK == 0:
        tile = tl.load(places, eviction_policy="evict_first")
    elif ROWS % BN == 0:
        tile = tl.load(places, mask=inside[None, :], other=0.0, eviction_policy="evict_first")
    else:
        mask = (rows < ROWS)[:, None] & inside[None, :]
        tile = tl.load(places, mask=mask, other=0.0, eviction_policy="evict_first")
    return tile


@triton.jit
def _input(
    x_ptr: tl.tensor,
    row: tl.tensor,
    piece: tl.tensor,
    START: tl.constexpr,
    END: tl.constexpr,
    K: tl.constexpr,
    CHUNK: tl.constexpr,
) -> tl.tensor:
    """One piece of one row of x, as float32."""
    at, inside = _columns(START, END, CHUNK, piece)
    if (END - START) % CHUNK == 0:
        part = tl.load(x_ptr + row * K + at)
    else:
        part = tl.load(x_ptr + row * K + at, mask=inside, other=0.0)
    return part.to(tl.float32)


@triton.jit
def tile_gemv(
    x_ptr: tl.tensor,
    a_ptr: tl.tensor,
    b_ptr: tl.tensor,
    y_ptr: tl.tensor,
    N: tl.constexpr,
    K: tl.constexpr,
    SPLIT: tl.constexpr,
    FIRST: tl.constexpr,
    BATCH: tl.constexpr,
    BN: tl.constexpr,
    CHUNK: tl.constexpr,
    PDL: tl.constexpr,
) -> None:
    """All weights of BN rows are asked for before the first is used; the rows of x follow one by one."""
    rows = tl.program_id(0) * BN + tl.arange(0, BN)
    first: tl.constexpr = (FIRST + CHUNK - 1) // CHUNK
    second: tl.constexpr = (K - FIRST + CHUNK - 1) // CHUNK
    w_ptr, own = _matrix(a_ptr, b_ptr, rows, N, SPLIT, BN)
    if PDL:
        tl.extra.cuda.gdc_launch_dependents()
    tiles = ()
    for piece in tl.static_range(first):
        tiles = tiles + (_weights(w_ptr, own, piece, N, FIRST, BN, CHUNK),)
    for piece in tl.static_range(second):
        tiles = tiles + (_weights(b_ptr, own, piece, N, K - FIRST, BN, CHUNK),)
    if PDL:
        tl.extra.cuda.gdc_wait()
    for row in tl.static_range(BATCH):
        total = tl.zeros([BN, CHUNK], dtype=tl.float32)
        for piece in tl.static_range(first):
            total += tiles[piece].to(tl.float32) * _input(x_ptr, row, piece, 0, FIRST, K, CHUNK)[None, :]
        for piece in tl.static_range(second):
            part = _input(x_ptr, row, piece, FIRST, K, K, CHUNK)
            total += tiles[first + piece].to(tl.float32) * part[None, :]
        tl.store(y_ptr + row * N + rows, tl.sum(total, axis=1), mask=rows < N)


@triton.jit
def _add_piece(
    totals: tl.tuple,
    x_ptr: tl.tensor,
    tile: tl.tensor,
    piece: tl.tensor,
    START: tl.constexpr,
    END: tl.constexpr,
    K: tl.constexpr,
    BATCH: tl.constexpr,
    CHUNK: tl.constexpr,
) -> tl.tuple:
    """The sums of all rows of x after one more piece of the weights."""
    wide = tile.to(tl.float32)
    after = ()
    for row in tl.static_range(BATCH):
        part = _input(x_ptr, row, piece, START, END, K, CHUNK)
        after = after + (totals[row] + wide * part[None, :],)
    return after


@triton.jit
def stream_gemv(
    x_ptr: tl.tensor,
    a_ptr: tl.tensor,
    b_ptr: tl.tensor,
    y_ptr: tl.tensor,
    N: tl.constexpr,
    K: tl.constexpr,
    SPLIT: tl.constexpr,
    FIRST: tl.constexpr,
    BATCH: tl.constexpr,
    BN: tl.constexpr,
    CHUNK: tl.constexpr,
    STAGES: tl.constexpr,
) -> None:
    """A loop over the row, its weights copied STAGES ahead into shared memory."""
    rows = tl.program_id(0) * BN + tl.arange(0, BN)
    w_ptr, own = _matrix(a_ptr, b_ptr, rows, N, SPLIT, BN)
    totals = ()
    for _row in tl.static_range(BATCH):
        totals = totals + (tl.zeros([BN, CHUNK], dtype=tl.float32),)
    for piece in tl.range(0, (FIRST + CHUNK - 1) // CHUNK, num_stages=STAGES):
        tile = _weights(w_ptr, own, piece, N, FIRST, BN, CHUNK)
        totals = _add_piece(totals, x_ptr, tile, piece, 0, FIRST, K, BATCH, CHUNK)
    if FIRST < K:
        for piece in tl.range(0, (K - FIRST + CHUNK - 1) // CHUNK, num_stages=STAGES):
            tile = _weights(b_ptr, own, piece, N, K - FIRST, BN, CHUNK)
            totals = _add_piece(totals, x_ptr, tile, piece, FIRST, K, K, BATCH, CHUNK)
    for row in tl.static_range(BATCH):
        tl.store(y_ptr + row * N + rows, tl.sum(totals[row], axis=1), mask=rows < N)


@triton.jit
def _inputs(
    x_ptr: tl.tensor,
    batch: tl.tensor,
    piece: tl.tensor,
    START: tl.constexpr,
    END: tl.constexpr,
    K: tl.constexpr,
    CHUNK: tl.constexpr,
) -> tl.tensor:
    """One piece of sixteen rows of x, zeros below the last; a product of the matrix units has no fewer."""
    row = tl.arange(0, 16)
    at, inside = _columns(START, END, CHUNK, piece)
    mask = (row < batch)[:, None] & inside[None, :]
    return tl.load(x_ptr + row[:, None] * K + at[None, :], mask=mask, other=0.0)


@triton.jit(do_not_specialize=["batch"])
def dot_gemv(
    x_ptr: tl.tensor,
    a_ptr: tl.tensor,
    b_ptr: tl.tensor,
    y_ptr: tl.tensor,
    batch: tl.tensor,
    N: tl.constexpr,
    K: tl.constexpr,
    SPLIT: tl.constexpr,
    FIRST: tl.constexpr,
    BN: tl.constexpr,
    CHUNK: tl.constexpr,
    STAGES: tl.constexpr,
) -> None:
    """The same sums by the matrix units: the rows of the weights times up to sixteen rows of x."""
    rows = tl.program_id(0) * BN + tl.arange(0, BN)
    w_ptr, own = _matrix(a_ptr, b_ptr, rows, N, SPLIT, BN)
    total = tl.zeros([BN, 16], dtype=tl.float32)
    for piece in tl.range(0, (FIRST + CHUNK - 1) // CHUNK, num_stages=STAGES):
        tile = _weights(w_ptr, own, piece, N, FIRST, BN, CHUNK)
        part = _inputs(x_ptr, batch, piece, 0, FIRST, K, CHUNK)
        total = tl.dot(tile, tl.trans(part), total, input_precision="ieee")
    if FIRST < K:
        for piece in tl.range(0, (K - FIRST + CHUNK - 1) // CHUNK, num_stages=STAGES):
            tile = _weights(b_ptr, own, piece, N, K - FIRST, BN, CHUNK)
            part = _inputs(x_ptr, batch, piece, FIRST, K, K, CHUNK)
            total = tl.dot(tile, tl.trans(part), total, input_precision="ieee")
    row = tl.arange(0, 16)
    mask = (rows < N)[:, None] & (row < batch)[None, :]
    tl.store(y_ptr + row[None, :] * N + rows[:, None], total, mask=mask)
