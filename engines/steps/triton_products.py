"""The Triton kernels of a step's products y = x Wᵀ, with the norm before and the sums after them.

They round to the model's type where transformers' modules do: after a norm, a linear with its bias, an
activation, each sum.
"""

from __future__ import annotations

import triton
import triton.language as tl

from engines.steps.triton_rows import normed, rounded, row_of
from engines.steps.triton_sums import products


@triton.jit
def norm_rows(
    x_ptr: tl.tensor,
    gains: tl.tuple,
    shifts: tl.tuple,
    y_ptr: tl.tensor,
    K: tl.constexpr,
    STRIDE: tl.constexpr,
    ROWS: tl.constexpr,
    EPS: tl.constexpr,
    CHUNK: tl.constexpr,
    PDL: tl.constexpr,
) -> None:
    """Every norm of every row, before a product that would otherwise norm them in each of its programs."""
    if PDL:
        tl.extra.cuda.gdc_launch_dependents()
        tl.extra.cuda.gdc_wait()
    row = tl.program_id(0)
    pieces = row_of(x_ptr + row * STRIDE, K, CHUNK)
    for norm in tl.static_range(len(gains)):
        after = normed(pieces, x_ptr, gains[norm], shifts[norm], K, EPS, CHUNK)
        for piece in tl.static_range(len(after)):
            at = piece * CHUNK + tl.arange(0, CHUNK)
            place = y_ptr + (norm * ROWS + row) * K + at
            tl.store(place, after[piece].to(y_ptr.dtype.element_ty), mask=at < K)


@triton.jit
def _activated(y: tl.tensor, ACTIVATION: tl.constexpr) -> tl.tensor:
    if ACTIVATION == "silu":
        y = y * tl.sigmoid(y)
    elif ACTIVATION == "gelu":
        y = 0.5 * y * (1.0 + tl.erf(y * 0.7071067811865476))
    elif ACTIVATION == "gelu-tanh":
        y = y * tl.sigmoid(1.5957691216057308 * (y + 0.044715 * y * y * y))
    return y


@triton.jit
def _with_bias(
    y: tl.tensor,
    scale_ptr: tl.tensor,
    bias_ptr: tl.tensor,
    like: tl.tensor,
    outputs: tl.tensor,
    size: tl.tensor,
) -> tl.tensor:
    """What a linear module puts out: rounded once, after its bias. int8 weights have a scale."""
    if scale_ptr is not None:
        y *= tl.load(scale_ptr + outputs, mask=outputs < size, other=0.0)[:, None]
    if bias_ptr is not None:
        y += tl.load(bias_ptr + outputs, mask=outputs < size, other=0.0).to(tl.float32)[:, None]
    return rounded(y, like)


@triton.jit
def _put(
    y_ptr: tl.tensor,
    y: tl.tensor,
    outputs: tl.tensor,
    size: tl.tensor,
    STRIDE: tl.constexpr,
    ROWS: tl.constexpr,
) -> None:
    row = tl.arange(0, y.shape[1])
    mask = (outputs < size)[:, None] & (row < ROWS)[None, :]
    tl.store(y_ptr + row[None, :] * STRIDE + outputs[:, None], y.to(y_ptr.dtype.element_ty), mask=mask)


@triton.jit
def _own(values: tl.tuple, program: tl.tensor, PROGRAMS: tl.constexpr) -> tl.tensor:
    """That of the part which this program computes; None where no part has one."""
    chosen = values[0]
    if chosen is not None:
        for part in tl.static_range(1, len(values)):
            if program >= PROGRAMS[part]:
                chosen = values[part]
    return chosen


@triton.jit
def normed_kernel(
    inputs: tl.tuple,
    weights: tl.tuple,
    scales: tl.tuple,
    biases: tl.tuple,
    gains: tl.tuple,
    shifts: tl.tuple,
    places: tl.tuple,
    K: tl.constexpr,
    STRIDE: tl.constexpr,
    ROWS: tl.constexpr,
    SIZES: tl.constexpr,
    PROGRAMS: tl.constexpr,
    OUT: tl.constexpr,
    ACTIVATIONS: tl.constexpr,
    EPS: tl.constexpr,
    WHOLE: tl.constexpr,
    BN: tl.constexpr,
    CHUNK: tl.constexpr,
    PDL: tl.constexpr,
) -> None:
    """Linears beside each other: the first PROGRAMS[1] programs compute the first part, and so on."""
    program = tl.program_id(0)
    size, y_ptr = _own(SIZES, program, PROGRAMS), _own(places, program, PROGRAMS)
    outputs = (program - _own(PROGRAMS, program, PROGRAMS)) * BN + tl.arange(0, BN)
    found = products(
        (_own(inputs, program, PROGRAMS),), (_own(weights, program, PROGRAMS),),
        _own(gains, program, PROGRAMS), _own(shifts, program, PROGRAMS), outputs, size,
        (K,), (STRIDE,), ROWS, EPS, WHOLE, BN, CHUNK, PDL,
    )  # fmt: skip
    y = _with_bias(
        found[0], _own(scales, program, PROGRAMS), _own(biases, program, PROGRAMS), y_ptr, outputs, size
    )
    for part in tl.static_range(len(weights)):
        if ACTIVATIONS[part] is not None:
            own = (program >= PROGRAMS[part]) & (program < PROGRAMS[part + 1])
            y = tl.where(own, _activated(y, tl.constexpr(ACTIVATIONS[part])), y)
    _put(y_ptr, y, outputs, size, OUT, ROWS)


@triton.jit
def gated_kernel(
    x_ptr: tl.tensor,
    weights: tl.tuple,
    scales: tl.tuple,
    biases: tl.tuple,
    gain_ptr: tl.tensor,
    shift_ptr: tl.tensor,
    y_ptr: tl.tensor,
    K: tl.constexpr,
    STRIDE: tl.constexpr,
    ROWS: tl.constexpr,
    OUT: tl.constexpr,
    ACTIVATION: tl.constexpr,
    EPS: tl.constexpr,
    WHOLE: tl.constexpr,
    BN: tl.constexpr,
    CHUNK: tl.constexpr,
    PDL: tl.constexpr,
) -> None:
    """The same outputs of gate and up by the same program."""
    outputs = tl.program_id(0) * BN + tl.arange(0, BN)
    found = products(
        (x_ptr, x_ptr), weights, gain_ptr, shift_ptr, outputs, OUT,
        (K, K), (STRIDE, STRIDE), ROWS, EPS, WHOLE, BN, CHUNK, PDL,
    )  # fmt: skip
    gate = _activated(_with_bias(found[0], scales[0], biases[0], y_ptr, outputs, OUT), ACTIVATION)
    up = _with_bias(found[1], scales[1], biases[1], y_ptr, outputs, OUT)
    _put(y_ptr, rounded(gate, y_ptr) * up, outputs, OUT, OUT, ROWS)


@triton.jit
def added_kernel(
    inputs: tl.tuple,
    weights: tl.tuple,
    scales: tl.tuple,
    biases: tl.tuple,
    residual_ptr: tl.tensor,
    y_ptr: tl.tensor,
    LENGTHS: tl.constexpr,
    STRIDES: tl.constexpr,
    ROWS: tl.constexpr,
    OUT: tl.constexpr,
    WHOLE: tl.constexpr,
    BN: tl.constexpr,
    CHUNK: tl.constexpr,
    PDL: tl.constexpr,
) -> None:
    """Linears of inputs of their own, added in their order, then what was there before them."""
    outputs = tl.program_id(0) * BN + tl.arange(0, BN)
    found = products(
        inputs, weights, None, None, outputs, OUT,
        LENGTHS, STRIDES, ROWS, 0.0, WHOLE, BN, CHUNK, PDL,
    )  # fmt: skip
    y = _with_bias(found[0], scales[0], biases[0], y_ptr, outputs, OUT)
    for one in tl.static_range(1, len(weights)):
        y = rounded(y + _with_bias(found[one], scales[one], biases[one], y_ptr, outputs, OUT), y_ptr)
    if residual_ptr is not None:
        row = tl.arange(0, y.shape[1])
        mask = (outputs < OUT)[:, None] & (row < ROWS)[None, :]
        places = residual_ptr + row[None, :] * OUT + outputs[:, None]
        y += tl.load(places, mask=mask, other=0.0).to(tl.float32)
    _put(y_ptr, y, outputs, OUT, OUT, ROWS)
