"""The parts of `decide` that need no network: what the card and its bus can move, and what one launch costs.

Knows: how bandwidth is read off random data, and a chain of kernels that cannot be right by chance.
Refuses to know: a language model.
"""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.gpu.timing import Limit, call_us, capture, copy_gb_s, replay_us, wait

_PACKAGES = ("torch", "triton", "transformers", "numpy")
_LINKS = 200


def facts(on_card: bool, results: dict[str, Any], save: Callable[[], None]) -> None:
    """Versions, compilers, and bandwidth: copied (bytes read and written), read alone."""
    results["versions"] = {"python": platform.python_version(), "cuda": str(torch.version.cuda)}
    results["versions"] |= {name: _version(name) for name in _PACKAGES}
    results["compilers"] = {name: shutil.which(name) or "missing" for name in ("gcc", "cc", "nvcc")}
    if on_card:
        about = torch.cuda.get_device_properties(0)
        results["card"] = {
            "name": about.name,
            "processors": about.multi_processor_count,
            "memory": about.total_memory,
            "l2": getattr(about, "L2_cache_size", 0),
        }
    save()
    device = "cuda" if on_card else "cpu"
    data = torch.randn(2**30 if on_card else 2**18, device=device)
    if on_card:
        results["copy_gb_s"] = copy_gb_s(data)
        results["torch_sum_gb_s"] = data.nbytes / call_us(lambda: data.sum()) / 1e3
        save()
    results["read"] = _read(data, on_card)
    results["read_gb_s"] = max([results.get("torch_sum_gb_s", 0.0), *results["read"].values()])


def launches(on_card: bool, results: dict[str, Any], save: Callable[[], None]) -> None:
    """200 kernels of which each needs the one before: eager, in a graph, and with dependent launch."""
    limit = Limit(20)
    for programs, size in ((1, 128), (132, 1024)):
        for pdl in (False, True):
            name = f"{programs} programs{', pdl' if pdl else ''}"
            if limit.over:
                results[name] = "skipped: out of time"
                continue
            if not on_card:
                results[name] = _chain_on_the_processor(programs, size) if not pdl else "needs a card"
                continue
            results[name] = _chain(programs, size, pdl)
            save()


def pinned_copies(on_card: bool, results: dict[str, Any], save: Callable[[], None]) -> None:
    """GB/s of one large piece between the host's pinned memory and the card's: up, down, and both at once."""
    size = 2**30 if on_card else 2**20
    device = "cuda" if on_card else "cpu"
    hosts = [torch.ones(size, dtype=torch.uint8, pin_memory=on_card) for _ in range(2)]
    there = [torch.zeros(size, dtype=torch.uint8, device=device) for _ in range(2)]

    def up() -> None:
        there[0].copy_(hosts[0], non_blocking=True)

    def down() -> None:
        hosts[1].copy_(there[1], non_blocking=True)

    if not on_card:
        up()
        down()
        results["up gb_s"] = "needs a card"
        return
    beside, here = torch.cuda.Stream(), torch.cuda.current_stream()

    def both() -> None:
        beside.wait_stream(here)
        with torch.cuda.stream(beside):
            down()
        up()
        here.wait_stream(beside)

    for name, call in {"up": up, "down": down, "both at once, each": both}.items():
        results[f"{name} gb_s"] = size / call_us(call, 5) / 1e3
        save()


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _read(data: torch.Tensor, on_card: bool) -> dict[str, float]:
    """GB/s of the own kernel in some shapes; its sums must be those of torch."""
    from benchmarks.gpu.probe_kernels import read_sum

    found = {}
    wanted = float(data.double().sum())
    for block, steps, warps in ((4096, 8, 4), (8192, 8, 8), (4096, 32, 4)):
        sums = torch.full((data.numel() // (block * steps),), float("nan"), device=data.device)

        def read(
            block: int = block, steps: int = steps, warps: int = warps, sums: torch.Tensor = sums
        ) -> None:
            read_sum[(sums.numel(),)](data, sums, STEPS=steps, BLOCK=block, num_warps=warps)

        read()
        wait()
        error = abs(float(sums.double().sum()) - wanted) / data.numel() ** 0.5
        if not error < 1e-2:
            raise ArithmeticError(f"The read kernel sums wrongly: {error}")
        found[f"{block}x{steps} warps {warps}"] = data.nbytes / call_us(read) / 1e3 if on_card else 0.0
    return found


def _chain(programs: int, size: int, pdl: bool) -> dict[str, Any]:
    """Microseconds a link, and whether the links kept their order: each adds one to all."""
    from benchmarks.gpu.probe_kernels import add_one

    counted = torch.zeros(programs * size, device="cuda")
    extra = {"launch_pdl": True} if pdl else {}

    def links() -> None:
        for _ in range(_LINKS):
            add_one[(programs,)](counted, SIZE=size, PDL=pdl, num_warps=4, **extra)

    links()
    wait()
    hosts, totals = [], []
    for _ in range(5):
        started = time.perf_counter()
        links()
        hosts.append((time.perf_counter() - started) * 1e6 / _LINKS)
        wait()
        totals.append((time.perf_counter() - started) * 1e6 / _LINKS)
    found: dict[str, Any] = {
        "eager host us": statistics.median(hosts),
        "eager wall us": statistics.median(totals),
    }
    graph = capture(links)
    counted.zero_()
    graph.replay()
    wait()
    found["graph in order"] = bool((counted == _LINKS).all())
    found["graph us"] = replay_us(graph, 21) / _LINKS
    return found


def _chain_on_the_processor(programs: int, size: int) -> dict[str, Any]:
    from benchmarks.gpu.probe_kernels import add_one

    counted = torch.zeros(2 * size)
    for _ in range(3):
        add_one[(2,)](counted, SIZE=size, PDL=False)
    return {"in order": bool((counted == 3).all()), "graph us": "needs a card"}
