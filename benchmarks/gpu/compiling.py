"""What is tried of the own kernels, and how all of it is compiled side by side before the card is timed.

Knows: the sizes, the candidates of each, and how one is launched.
Refuses to know: how long anything takes.

Run as a program it compiles the jobs it reads from its standard input into Triton's cache on disk. It asks
no card, so that sixteen of them cost a card neither memory nor contexts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

_ROOT = Path(__file__).parents[2]
Form = Literal["tile", "stream", "dot"]


@dataclass(frozen=True)
class Size:
    """y = x W^T with W of N rows and K columns, in one matrix or two (see the kernels)."""

    name: str
    n: int
    k: int
    split: int = 0
    """Rows of the first matrix, where the rows come from two."""
    first: int = 0
    """Columns of the first matrix, where the columns come from two."""

    def matrices(self) -> tuple[tuple[int, int], tuple[int, int] | None]:
        if self.split:
            return (self.split, self.k), (self.n - self.split, self.k)
        if self.first:
            return (self.n, self.first), (self.n, self.k - self.first)
        return (self.n, self.k), None


SIZES = (
    Size("28672x4096 two-out", 28672, 4096, split=12288),
    Size("4096x20480 two-in", 4096, 20480, first=4096),
    Size("12288x4096", 12288, 4096),
    Size("4096x4096", 4096, 4096),
    Size("22016x4096", 22016, 4096),
    Size("4096x11008", 4096, 11008),
    Size("30080x4096", 30080, 4096),
    Size("151936x4096", 151936, 4096),
)
SMALL_SIZES = (
    Size("96x64 two-out", 96, 64, split=32),
    Size("48x160 two-in", 48, 160, first=32),
    Size("50x96", 50, 96),
    Size("33x88", 33, 88),
)
"""For the interpreter: the same branches, and sizes that no block divides."""


@dataclass(frozen=True)
class Job:
    """One kernel for one size and one number of rows of x."""

    form: Form
    size: Size
    bn: int
    chunk: int
    warps: int
    stages: int = 1
    batch: int = 1
    pdl: bool = False

    def __str__(self) -> str:
        staged = f" stages {self.stages}" if self.form != "tile" else ""
        return f"{self.form} {self.bn}x{self.chunk} warps {self.warps}{staged}{' pdl' if self.pdl else ''}"

    def arguments(self) -> dict[str, Any]:
        size = self.size
        given: dict[str, Any] = {
            "N": size.n,
            "K": size.k,
            "SPLIT": size.split or size.n,
            "FIRST": size.first or size.k,
            "BN": self.bn,
            "CHUNK": self.chunk,
            "num_warps": self.warps,
        }
        if self.form != "dot":
            given["BATCH"] = self.batch
        if self.form != "tile":
            given["STAGES"] = self.stages
            return given
        return {**given, "PDL": self.pdl, **({"launch_pdl": True} if self.pdl else {})}

    def launch(self, x: Any, a: Any, b: Any, y: Any) -> Any:
        """The compiled kernel is handed back: it knows its registers."""
        grid = ((self.size.n + self.bn - 1) // self.bn,)
        return self._kernel()[grid](*self._tensors(x, a, b, y), **self.arguments())

    def compile(self) -> None:
        """As a launch would, with nothing to launch on."""
        from triton.runtime.jit import MockTensor

        weights, sums = MockTensor(torch.bfloat16), MockTensor(torch.float32)
        self._kernel().warmup(*self._tensors(weights, weights, weights, sums), grid=(1,), **self.arguments())

    def _tensors(self, *tensors: Any) -> tuple[Any, ...]:
        return (*tensors, self.batch) if self.form == "dot" else tensors

    def _kernel(self) -> Any:
        from benchmarks.gpu import gemv_kernels as kernels

        return {"tile": kernels.tile_gemv, "stream": kernels.stream_gemv, "dot": kernels.dot_gemv}[self.form]


_TILES: dict[int, tuple[tuple[int, int, int], ...]] = {
    4096: ((1, 4096, 2), (1, 4096, 4), (2, 4096, 4), (2, 4096, 8), (4, 4096, 4), (4, 4096, 8)),
    20480: ((1, 4096, 4), (1, 4096, 8), (1, 4096, 16), (2, 4096, 8), (2, 4096, 16), (1, 2048, 8)),
    11008: ((1, 512, 2), (1, 1024, 4), (1, 2048, 8), (2, 1024, 4), (2, 2048, 8), (4, 2048, 8)),
}
"""By K: rows a program, columns a piece, warps. A warp asks for 256 columns at once."""
_STREAMS = ((8, 512, 8, 4), (16, 256, 8, 5))
_DOTS = ((16, 256, 4, 4), (32, 128, 4, 5), (64, 128, 4, 5))


def alone(size: Size) -> list[Job]:
    """Of the two forms without matrix units, for one row of x."""
    tiles = [Job("tile", size, bn, chunk, warps) for bn, chunk, warps in _TILES.get(size.k, ((2, 32, 1),))]
    return tiles + [
        Job("stream", size, *shape) for shape in (_STREAMS if size.k in _TILES else ((4, 32, 1, 2),))
    ]


def dots(size: Size) -> list[Job]:
    """One compiled kernel serves every number of rows."""
    shapes = _DOTS if size.k in _TILES else ((16, 32, 1, 2),)
    return [Job("dot", size, *shape, batch=8) for shape in shapes]


def company(job: Job, batches: Sequence[int]) -> list[Job]:
    return [replace(job, batch=batch) for batch in batches]


def compile_together(jobs: Sequence[Job], seconds: float) -> dict[str, Any]:
    """Fill the cache by several processes; what they do not reach in time is compiled at its launch."""
    started = time.perf_counter()
    count = max(1, min(len(jobs), (os.cpu_count() or 2) - 1, 15))
    workers = [_worker(jobs[index::count]) for index in range(count)]
    for worker in workers:
        try:
            worker.wait(max(0.0, started + seconds - time.perf_counter()))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
    spent = round(time.perf_counter() - started, 1)
    failed = sum(worker.returncode != 0 for worker in workers)
    return {"jobs": len(jobs), "processes": count, "seconds": spent, "processes_failed": failed}


def _worker(jobs: Sequence[Job]) -> subprocess.Popen[str]:
    worker = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.gpu.compiling"], stdin=subprocess.PIPE, text=True, cwd=_ROOT
    )
    assert worker.stdin is not None
    worker.stdin.write(json.dumps([asdict(job) for job in jobs]))
    worker.stdin.close()
    return worker


def pretend_a_card() -> None:
    """Let Triton compile for Hopper where none is asked or none is there."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.backends.driver import DriverBase

    class Hopper(DriverBase):
        is_active = staticmethod(lambda: True)

        def map_python_to_cpp_type(self, ty: str) -> str:
            return ty

        def get_current_target(self) -> Any:
            return GPUTarget("cuda", 90, 32)

        def get_current_device(self) -> int:
            return 0

        def get_current_stream(self, device: int) -> int:
            return 0

        def get_active_torch_device(self) -> Any:
            return torch.device("cpu")

        def get_benchmarker(self) -> Any:
            return None

    triton.runtime.driver.set_active(Hopper())


def main() -> int:
    pretend_a_card()
    failed = 0
    for given in json.load(sys.stdin):
        job = Job(**{**given, "size": Size(**given["size"])})
        try:
            job.compile()
        except Exception:  # noqa: BLE001 - one kernel that does not compile must not take the others along
            traceback.print_exc()
            failed += 1
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
