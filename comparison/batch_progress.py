"""How far a batch is: counts, speed, time left, and what failed.

Knows: how a speed is read off a recent window, and which state a batch is in.
Refuses to know: engines, storage, threads of others, and pages.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

_WINDOW_SECONDS = 60.0
_WINDOW_ANSWERS = 2000
_SHOWN_FAILURES = 200


class BatchState(StrEnum):
    RUNNING = "running"
    STOPPING = "stopping"
    """Asked to stop; what was being answered is still ending."""
    ELSEWHERE = "elsewhere"
    """Another process of this machine works on it; it is stopped there."""
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    """It is not done and nobody works on it: the process that did has ended."""
    BROKEN = "broken"
    """Something other than a model ended it; `problem` says what."""
    DONE = "done"

    @property
    def at_work(self) -> bool:
        return self in (BatchState.RUNNING, BatchState.STOPPING, BatchState.ELSEWHERE)


@dataclass(frozen=True)
class Failure:
    """One answer that failed, and why in a sentence."""

    question: str
    model_id: str
    sentence: str


@dataclass(frozen=True)
class BatchView:
    """A batch at one moment, for drawing."""

    state: BatchState
    wanted: int
    done: int
    failed: int = 0
    """Of those done."""
    per_second: float | None = None
    seconds_left: float | None = None
    failures: tuple[Failure, ...] = ()
    """The newest last; of very many only the newest."""
    unsaved: int = 0
    """Answers that could not be stored yet and are tried again."""
    problem: str | None = None


class Progress:
    """Counts of one job; its threads write, any thread may read."""

    def __init__(
        self, wanted: int, done: int = 0, failed: int = 0, clock: Callable[[], float] = monotonic
    ) -> None:
        self._wanted, self._done, self._failed, self._clock = wanted, done, failed, clock
        self._lock = threading.Lock()
        self._ended_at: deque[float] = deque(maxlen=_WINDOW_ANSWERS)
        self._failures: deque[Failure] = deque(maxlen=_SHOWN_FAILURES)

    @property
    def complete(self) -> bool:
        with self._lock:
            return self._done >= self._wanted

    def begin(self, wanted: int, done: int, failures: list[Failure]) -> None:
        """Set right what is known so far; from here on speed is measured."""
        with self._lock:
            self._wanted, self._done, self._failed = wanted, done, len(failures)
            self._failures.extend(failures)
            self._ended_at.append(self._clock())

    def answered(self, failure: Failure | None = None) -> None:
        with self._lock:
            self._done += 1
            self._ended_at.append(self._clock())
            if failure is not None:
                self._failed += 1
                self._failures.append(failure)

    def view(self, state: BatchState, unsaved: int = 0, problem: str | None = None) -> BatchView:
        with self._lock:
            rate = self._rate() if state.at_work else None
            left = (self._wanted - self._done) / rate if rate else None
            counts = self._wanted, self._done, self._failed
            return BatchView(state, *counts, rate, left, tuple(self._failures), unsaved, problem)

    def _rate(self) -> float | None:
        """Answers a second over the window; the newest two count however old they are."""
        now, times = self._clock(), self._ended_at
        while len(times) > 2 and now - times[0] > _WINDOW_SECONDS:
            times.popleft()
        seconds = now - times[0] if times else 0.0
        return (len(times) - 1) / seconds if len(times) > 1 and seconds > 0 else None
