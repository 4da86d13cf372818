"""How far a batch is: counts, speed, time left, and what failed; each model has its own counts and pace."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

from errors import Cause

_Clock = Callable[[], float]
_WINDOW_SECONDS = 60.0
_FEWEST, _MOST = 64, 2000
"""Answers looked at: several batches of a slow model however old they are, and no more than is worth it."""
_TOGETHER_SECONDS = 1.0
"""Answers that end so close to each other were made side by side: the time between them tells no rate."""
_SHOWN_FAILURES = 200


class AnswerPace:
    """How many answers of one model there are, and how fast they come."""

    def __init__(self, wanted: int, done: int = 0, clock: _Clock = monotonic) -> None:
        self.wanted, self.done, self._clock = wanted, done, clock
        self._latest: deque[float] = deque(maxlen=_MOST)

    def answered(self) -> None:
        self.done += 1
        self._latest.append(self._clock())

    def per_second(self) -> float | None:
        """Answers a second over a recent window, that since the latest included; None where all are there, or
        it is too early to tell."""
        if self.done >= self.wanted:
            return None
        now, times = self._clock(), self._latest
        while len(times) > _FEWEST and now - times[0] > _WINDOW_SECONDS:
            times.popleft()
        first = [at for at in times if at - times[0] <= _TOGETHER_SECONDS]
        after = len(times) - len(first)
        return after / (now - first[-1]) if after else None

    def seconds_left(self) -> float | None:
        if self.done >= self.wanted:
            return 0.0
        rate = self.per_second()
        return (self.wanted - self.done) / rate if rate else None


def longest(seconds: Iterable[float | None]) -> float | None:
    """The time left of several models that are asked side by side; None as long as one cannot tell."""
    known = list(seconds)
    told = [each for each in known if each is not None]
    return max(told, default=None) if len(told) == len(known) else None


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
class BatchFailure:
    """One answer that failed, and why."""

    question: str
    model_id: str
    cause: Cause


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
    """How many of those done failed."""
    models: tuple[ModelView, ...] = ()
    """While it is at work, in the order they were picked."""
    seconds_left: float | None = None
    """As long as the slowest model takes; None where one cannot tell yet."""
    failures: tuple[BatchFailure, ...] = ()
    """The newest last; of very many only the newest."""
    unsaved: int = 0
    """Answers that could not be stored yet and are tried again."""
    problem: Cause | None = None


class BatchProgress:
    """Counts of one job; its threads write, any thread may read."""

    def __init__(self, wanted: int = 0, done: int = 0, failed: int = 0, clock: _Clock = monotonic) -> None:
        self._wanted, self._done, self._failed, self._clock = wanted, done, failed, clock
        self._lock = threading.Lock()
        self._paces: dict[str, AnswerPace] = {}
        self._failures: deque[BatchFailure] = deque(maxlen=_SHOWN_FAILURES)

    @property
    def complete(self) -> bool:
        with self._lock:
            return self._done >= self._wanted

    def begin(self, wanted: Mapping[str, int], done: Counter[str], failures: Sequence[BatchFailure]) -> None:
        """Set right what is known so far, of each model; from here on pace is measured."""
        with self._lock:
            self._wanted, self._done, self._failed = sum(wanted.values()), done.total(), len(failures)
            self._paces = {each: AnswerPace(count, done[each], self._clock) for each, count in wanted.items()}
            self._failures.extend(failures)

    def answered(self, model_id: str, failure: BatchFailure | None = None) -> None:
        with self._lock:
            self._done += 1
            self._paces[model_id].answered()
            if failure is not None:
                self._failed += 1
                self._failures.append(failure)

    def view(self, state: BatchState, unsaved: int = 0, problem: Cause | None = None) -> BatchView:
        with self._lock:
            models = tuple(map(_of_model, self._paces.items())) if state.at_work else ()
            left = longest(each.seconds_left for each in models)
            counts = self._wanted, self._done, self._failed
            return BatchView(state, *counts, models, left, tuple(self._failures), unsaved, problem)


def _of_model(item: tuple[str, AnswerPace]) -> ModelView:
    model_id, pace = item
    return ModelView(model_id, pace.wanted, pace.done, pace.per_second(), pace.seconds_left())
