"""How a processor multiplies one row of 16-bit numbers with a matrix: by oneDNN or by torch's own loop.

One row is what a single answer's step is made of, and its time is that of reading the weights. oneDNN, which
torch takes for bfloat16, reads them at half the speed of torch's own loop on some processors; from two rows
on, and for prompts, it is several times the faster one. So the two are timed once a process, on matrices that
no small cache holds, and only a step of one row goes without oneDNN where that is clearly faster. The type of
the weights stays: float16 is as fast in such a step, but slow in everything else.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache

import torch
from torch.nn.functional import linear

_CLEARLY = 1.2
"""How much faster: noise must not decide, since the two round differently."""
_SIZE, _MATRICES, _ROUNDS = 2048, 2, 25
"""Rounds of some 3 ms: with five of them, beside other work, one process in 25 took the slower way."""


def step_products(rows: int, dtype: torch.dtype, device: torch.device) -> AbstractContextManager[None]:
    """Around a step of so many rows, in the thread that takes it."""
    if rows > 1 or device.type != "cpu" or dtype not in (torch.bfloat16, torch.float16):
        return nullcontext()
    return _without_onednn() if _own_is_faster(dtype, torch.get_num_threads()) else nullcontext()


@cache
def _own_is_faster(dtype: torch.dtype, threads: int) -> bool:
    if not torch.backends.mkldnn.is_available() or not torch.backends.mkldnn.enabled:
        return False
    matrices = [torch.ones(_SIZE, _SIZE, dtype=dtype) for _ in range(_MATRICES)]
    with_it, without = [], []
    for _ in range(_ROUNDS):
        with_it.append(_seconds(matrices))
        with _without_onednn():
            without.append(_seconds(matrices))
    return min(with_it) > _CLEARLY * min(without)


def _seconds(matrices: list[torch.Tensor]) -> float:
    row = torch.ones(1, _SIZE, dtype=matrices[0].dtype)
    started = time.perf_counter()
    for matrix in matrices:
        linear(row, matrix)
    return time.perf_counter() - started


@contextmanager
def _without_onednn() -> Iterator[None]:
    """The switch is the process's: what another thread multiplies meanwhile is right, though slower."""
    torch.backends.mkldnn.enabled = False  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.backends.mkldnn.enabled = True  # type: ignore[assignment]
