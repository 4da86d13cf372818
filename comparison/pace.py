"""How fast answers come, and how long the rest of them takes.

Knows: that models differ in speed, so each has a pace of its own and the whole takes as long as the slowest;
that answers which were in one batch end together, and that what came before the first one was loading.
Refuses to know: threads, storage, and how any of it is shown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic

Clock = Callable[[], float]
_WINDOW_SECONDS = 60.0
_FEWEST, _MOST = 64, 2000
"""Answers looked at: several batches of a slow model however old they are, and no more than is worth it."""
_TOGETHER_SECONDS = 1.0
"""Answers that end so close to each other were made side by side: the time between them tells no rate."""


class Pace:
    """Of one model."""

    def __init__(self, wanted: int, done: int = 0, clock: Clock = monotonic) -> None:
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
