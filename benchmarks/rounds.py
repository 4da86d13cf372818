"""Paired rounds: two ways of one thing, measured in turn, so that what the machine does beside hits both.

Knows: the order A, B, B, A, the median and spread of the ratios, and when a spread misses a target.
Refuses to know: what is measured.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

Result = TypeVar("Result")
Seconds = Callable[[], float]


@dataclass(frozen=True)
class Target:
    """A bound that a figure has to keep."""

    bound: float
    at_least: bool

    def holds(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}"


@dataclass(frozen=True)
class Measured:
    """One value a round, and what was seen beside them."""

    values: tuple[float, ...]
    broken: tuple[str, ...] = ()
    """Promises that do not depend on time and were not kept; any of them fails the line."""
    notes: tuple[str, ...] = ()

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        return min(self.values), max(self.values)

    def verdict(self, target: Target) -> str:
        """ "fails" only where every round lies on the wrong side: a busy machine moves single rounds."""
        if self.broken or not any(target.holds(value) for value in self.values):
            return "fails"
        return "holds" if target.holds(self.median) else "unclear"


@dataclass(frozen=True)
class Effort:
    """How much is measured; the target holds for the default, tests only look that a line runs."""

    rounds: int = 5
    tokens: int = 256
    answers: int = 1_000_000
    """In a history."""
    pages: int = 10_000
    """In a folder of documents."""
    questions: int = 1_000
    """At most so many of those that ship are asked of the documents that ship."""


def paired(first: Seconds, second: Seconds, rounds: int) -> tuple[float, ...]:
    """seconds(first) / seconds(second) of each round, after one of both that is not counted."""
    first(), second()
    ratios = []
    for _ in range(rounds):
        a, b, b_again, a_again = first(), second(), second(), first()
        ratios.append((a + a_again) / (b + b_again))
    return tuple(ratios)


class Stopwatch:
    """Remembers what it measured, for the note beside a ratio."""

    def __init__(self, measure: Seconds) -> None:
        self._measure = measure
        self._seen: list[float] = []

    def __call__(self) -> float:
        self._seen.append(self._measure())
        return self._seen[-1]

    @property
    def median(self) -> float:
        return statistics.median(self._seen)


def timed(call: Callable[[], object]) -> Seconds:
    def seconds() -> float:
        started = time.perf_counter()
        call()
        return time.perf_counter() - started

    return seconds


def processor_timed(call: Callable[[], object]) -> Seconds:
    """For work that waits for nothing: what others do on the machine is not counted."""

    def seconds() -> float:
        started = time.process_time()
        call()
        return time.process_time() - started

    return seconds


def on_one_thread(call: Callable[[], Result]) -> Result:
    """Run in a thread of its own with one torch thread: the number is kept by each thread for itself."""
    results: list[Result] = []
    problems: list[BaseException] = []

    def run() -> None:
        torch.set_num_threads(1)
        try:
            with torch.inference_mode():
                results.append(call())
        except BaseException as problem:  # noqa: BLE001 - raised again in the thread that asked
            problems.append(problem)

    thread = threading.Thread(target=run, name="measuring")
    thread.start()
    thread.join()
    if problems:
        raise problems[0]
    return results[0]
