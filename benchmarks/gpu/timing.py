"""How the parts of `decide` time: replays of a CUDA graph, in device events, under a limit of seconds.

Knows: how a graph is captured beside other threads, that the median of some replays is the figure, and that
what breaks is written down in place of its figure.
Refuses to know: what is in the graph.
"""

from __future__ import annotations

import statistics
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch

_RANDOM_BYTES = 400 * 2**20
_PRODUCTS = 32
"""At least so many in one replay."""


@dataclass
class Limit:
    """The seconds a part has; it skips what is left of itself when they are over."""

    seconds: float
    started: float = field(default_factory=time.perf_counter)

    @property
    def left(self) -> float:
        return self.started + self.seconds - time.perf_counter()

    @property
    def over(self) -> bool:
        return self.left <= 0


@contextmanager
def going_on(found: dict[str, Any], name: str = "broke") -> Iterator[None]:
    """What breaks inside is a sentence among what was found; on a card lent for minutes the rest goes on."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, the other figures must not go with it
        traceback.print_exc()
        found[name] = f"{type(error).__name__}: {error}"[:300]


def capture(call: Callable[[], Any], warm_ups: int = 1) -> torch.cuda.CUDAGraph:
    """The call as a graph. It runs a few times first: kernels are loaded and workspaces made then."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(warm_ups):
            call()
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
        call()
    torch.cuda.current_stream().wait_stream(stream)
    return graph


def replay_us(graph: torch.cuda.CUDAGraph, repeats: int = 11) -> float:
    """Median microseconds of one replay."""
    for _ in range(2):
        graph.replay()
    return call_us(graph.replay, repeats)


def copies_for(nbytes: int) -> int:
    """How many of one product's weights are gone through in turn, so that none is read out of a cache."""
    return max(4, -(-_RANDOM_BYTES // nbytes))


def product_us(call: Callable[[int], Any], copies: int) -> float:
    """Median microseconds of one product of those that a replay goes through, copy after copy."""
    rounds = -(-_PRODUCTS // copies)

    def all_copies() -> None:
        for _ in range(rounds):
            for copy in range(copies):
                call(copy)

    return replay_us(capture(all_copies)) / (rounds * copies)


def copy_gb_s(data: torch.Tensor) -> float:
    """What a copy on the card moves, bytes read and bytes written."""
    target = torch.empty_like(data)
    return 2 * data.nbytes / call_us(lambda: target.copy_(data)) / 1e3


def call_us(call: Callable[[], Any], repeats: int = 11) -> float:
    """Median microseconds between events on the device. All calls are queued before the first is waited for:
    the time the host takes to launch one is then hidden behind the one before."""
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(repeats + 1)]
    marks[0].record()
    for mark in marks[1:]:
        call()
        mark.record()
    marks[-1].synchronize()
    return statistics.median(a.elapsed_time(b) * 1000 for a, b in pairwise(marks))


def wall_us(call: Callable[[], Any], repeats: int = 5) -> float:
    """Median microseconds on the host's clock, all work of the device included."""
    spent = []
    for _ in range(repeats):
        wait()
        started = time.perf_counter()
        call()
        wait()
        spent.append((time.perf_counter() - started) * 1e6)
    return statistics.median(spent)


def wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
