"""How far a batch is: counts, speed, time left, and what failed.

Knows: that each model has its own counts and pace, and which state a batch is in.
Refuses to know: engines, storage, threads of others, and pages.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

from comparison.pace import Clock, Pace, longest

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
class ModelView:
    """How far one model is."""

    model_id: str
    wanted: int
    done: int
    per_second: float | None = None
    seconds_left: float | None = None
    """None where it is too early to tell."""


@dataclass(frozen=True)
class BatchView:
    """A batch at one moment, for drawing."""

    state: BatchState
    wanted: int
    done: int
    failed: int = 0
    """Of those done."""
    models: tuple[ModelView, ...] = ()
    """While it is at work, in the order they were picked."""
    seconds_left: float | None = None
    """As long as the slowest model takes; None where one cannot tell yet."""
    failures: tuple[Failure, ...] = ()
    """The newest last; of very many only the newest."""
    unsaved: int = 0
    """Answers that could not be stored yet and are tried again."""
    problem: str | None = None


class Progress:
    """Counts of one job; its threads write, any thread may read."""

    def __init__(self, wanted: int, done: int = 0, failed: int = 0, clock: Clock = monotonic) -> None:
        self._wanted, self._done, self._failed, self._clock = wanted, done, failed, clock
        self._lock = threading.Lock()
        self._paces: dict[str, Pace] = {}
        self._failures: deque[Failure] = deque(maxlen=_SHOWN_FAILURES)

    @property
    def complete(self) -> bool:
        with self._lock:
            return self._done >= self._wanted

    def begin(self, wanted: Mapping[str, int], done: Counter[str], failures: list[Failure]) -> None:
        """Set right what is known so far, of each model; from here on pace is measured."""
        with self._lock:
            self._wanted, self._done, self._failed = sum(wanted.values()), done.total(), len(failures)
            self._paces = {each: Pace(count, done[each], self._clock) for each, count in wanted.items()}
            self._failures.extend(failures)

    def answered(self, model_id: str, failure: Failure | None = None) -> None:
        with self._lock:
            self._done += 1
            self._paces[model_id].answered()
            if failure is not None:
                self._failed += 1
                self._failures.append(failure)

    def view(self, state: BatchState, unsaved: int = 0, problem: str | None = None) -> BatchView:
        with self._lock:
            models = tuple(map(_of_model, self._paces.items())) if state.at_work else ()
            left = longest(each.seconds_left for each in models)
            counts = self._wanted, self._done, self._failed
            return BatchView(state, *counts, models, left, tuple(self._failures), unsaved, problem)


def _of_model(item: tuple[str, Pace]) -> ModelView:
    model_id, pace = item
    return ModelView(model_id, pace.wanted, pace.done, pace.per_second(), pace.seconds_left())
