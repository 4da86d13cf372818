"""Compiles the products of a fused step side by side before a card is timed, so that no timing waits for it.

Run as a program it compiles its share of them into Triton's cache on disk. It asks no card, so that fifteen
of them cost a card neither memory nor contexts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from benchmarks.gpu.linears import PRODUCTS, jobs, operands, own_call

_ROOT = Path(__file__).parents[2]


def compile_ahead(seconds: float, searching: bool = False, pdl: bool = False) -> Callable[[], dict[str, Any]]:
    """Begin to fill the cache by several processes; what is handed back waits for them. Without searching
    the products are compiled both ways, for whole steps too."""
    started = time.perf_counter()
    count = max(1, min((os.cpu_count() or 2) - 1, 15))
    call = [sys.executable, "-m", "benchmarks.gpu.compiling", str(int(searching)), str(int(pdl)), str(count)]
    workers = [subprocess.Popen([*call, str(place)], cwd=_ROOT) for place in range(count)]

    def wait_for_them() -> dict[str, Any]:
        for worker in workers:
            try:
                worker.wait(max(0.0, started + seconds - time.perf_counter()))
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        failed = sum(worker.returncode != 0 for worker in workers)
        spent = round(time.perf_counter() - started, 1)
        return {"compiled in": spent, "processes": count, "not whole": failed}

    return wait_for_them


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


def main(searching: bool, pdl: bool, count: int, place: int) -> int:
    """Every `count`th job, as a launch would, with nothing to launch on."""
    from triton.runtime.jit import JITFunction

    pretend_a_card()
    launch = JITFunction.run

    def warm_up(self: Any, *given: Any, grid: Any, warmup: bool, **named: Any) -> Any:
        return launch(self, *given, grid=grid, warmup=True, **named)

    failed = 0
    with mock.patch.object(JITFunction, "run", warm_up):
        for index, rows, shape in jobs(False, searching)[place::count]:
            held = operands(PRODUCTS[index], lambda *sizes: torch.empty(sizes, dtype=torch.bfloat16), 1)
            try:
                for ahead in (pdl,) if searching else (False, True):
                    own_call(held, rows, shape, ahead)
            except Exception:  # noqa: BLE001 - one kernel that does not compile must not take the others along
                traceback.print_exc()
                failed += 1
    return int(failed > 0)


if __name__ == "__main__":
    asked = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(bool(asked[0]), bool(asked[1]), *asked[2:]))
