"""How far a batch is: a bar on a terminal, plain lines elsewhere, both with the rate and the time left.

Knows: counting and pace; a fault is told once for each model and sentence, however often it comes.
Refuses to know: what is asked, and where answers are stored. Everything goes to stderr.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, Protocol, TextIO

from comparison.measuring import describe_time
from engines.base import Answer

_LATEST = 64

_SECONDS_TO_JUDGE = 1.0
"""The rows of one batch end together; their rate alone would promise too much."""


class Progress(Protocol):
    """Told of every stored answer."""

    def answered(self, answer: Answer) -> None: ...

    def close(self) -> None: ...


class Pace:
    """Answers a second over the latest ones, as models differ in speed, and what is left at that pace.

    The first answer starts the clock: what came before it was loading.
    """

    def __init__(self, total: int, clock: Callable[[], float] = monotonic) -> None:
        self.total, self.count = total, 0
        self._clock = clock
        self._latest: deque[float] = deque(maxlen=_LATEST)

    def answered(self) -> None:
        self.count += 1
        self._latest.append(self._clock())

    def __str__(self) -> str:
        seconds = self._latest[-1] - self._latest[0] if self._latest else 0.0
        too_early = seconds < _SECONDS_TO_JUDGE and len(self._latest) < _LATEST
        if too_early or seconds <= 0:
            return f"{self.count} of {self.total} answered"
        rate = (len(self._latest) - 1) / seconds
        left = describe_time((self.total - self.count) / rate)
        return f"{self.count} of {self.total} answered, {rate:.1f} a second, {left} left"


class _Faults:
    """The sentences that were told already."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def new(self, answer: Answer) -> str | None:
        fault = (answer.model_id, answer.error or "")
        if not answer.error or fault in self._told:
            return None
        self._told.add(fault)
        return f"{answer.model_id}: {answer.error}"


class PlainProgress:
    """A line for the first and the last answer, and in between at most one every so many seconds."""

    def __init__(self, total: int, stream: TextIO | None = None, seconds_between: float = 1.0) -> None:
        self._pace, self._faults = Pace(total), _Faults()
        self._stream = stream or sys.stderr
        self._seconds_between = seconds_between
        self._next_at = 0.0

    def answered(self, answer: Answer) -> None:
        self._pace.answered()
        if fault := self._faults.new(answer):
            self._say(fault)
        if monotonic() >= self._next_at or self._pace.count == self._pace.total:
            self._next_at = monotonic() + self._seconds_between
            self._say(str(self._pace))

    def close(self) -> None:
        """Every line is written out already."""

    def _say(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()


class BarProgress:
    """A bar that stays at the bottom of the terminal."""

    def __init__(self, total: int, console: Any) -> None:
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bars

        self._pace, self._faults = Pace(total), _Faults()
        self._bars = Bars(BarColumn(), TextColumn("{task.fields[pace]}"), console=console)
        self._bar = self._bars.add_task("", total=total, pace=str(self._pace))
        self._bars.start()

    def answered(self, answer: Answer) -> None:
        self._pace.answered()
        if fault := self._faults.new(answer):
            self._bars.console.print(fault, markup=False, highlight=False)
        self._bars.update(self._bar, advance=1, pace=str(self._pace))

    def close(self) -> None:
        self._bars.stop()


def progress_for(total: int) -> Progress:
    """A bar where a person looks at stderr, lines where it goes to a file."""
    if not sys.stderr.isatty():
        return PlainProgress(total)
    from rich.console import Console

    return BarProgress(total, Console(stderr=True))
