"""Two Triton kernels that ask what a card can do, apart from what times them because mypy cannot read them.

The engine's own kernels are asked by `linears.py` and `step_graphs.py`.
"""

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
