"""How far a batch is: a bar a model on a terminal, plain lines elsewhere, with the rate and the time left.

Knows: how counts and pace are written; a fault is told once for each model and sentence.
Refuses to know: what is asked, and where answers are stored. Everything goes to stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from time import monotonic
from typing import Any, Protocol, TextIO

from comparison.batch.progress import AnswerPace, _Clock, longest
from engines.base import Answer


class Progress(Protocol):
    """Told of every stored answer."""

    def answered(self, answer: Answer) -> None: ...

    def close(self) -> None: ...


class Paces:
    """How far each model is, and the whole, in words; `wanted` is how many answers each is to give."""

    def __init__(self, wanted: Mapping[str, int], clock: _Clock = monotonic) -> None:
        self._of = {model_id: AnswerPace(count, 0, clock) for model_id, count in wanted.items()}

    def answered(self, model_id: str) -> None:
        self._of[model_id].answered()

    @property
    def count(self) -> int:
        return sum(pace.done for pace in self._of.values())

    @property
    def total(self) -> int:
        return sum(pace.wanted for pace in self._of.values())

    def of(self, model_id: str) -> str:
        pace = self._of[model_id]
        return f"{pace.done}/{pace.wanted}" + _told(pace.per_second(), pace.seconds_left())

    def __str__(self) -> str:
        """The whole takes as long as its slowest model."""
        at_work = [pace for pace in self._of.values() if pace.done < pace.wanted]
        rate = sum(pace.per_second() or 0.0 for pace in at_work)
        left = longest(pace.seconds_left() for pace in at_work)
        line = f"{self.count} of {self.total} answered" + _told(rate or None, left)
        if len(self._of) < 2:
            return line
        return f"{line} ({', '.join(f'{name} {pace.done}/{pace.wanted}' for name, pace in self._of.items())})"


def _told(rate: float | None, left: float | None) -> str:
    if rate is None:
        return ""
    of_rate = f", {rate:.1f} a second" if rate >= 1 else f", {60 * rate:.1f} a minute"
    return of_rate + (f", {describe_time(left)} left" if left else "")


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

    def __init__(
        self, wanted: Mapping[str, int], stream: TextIO | None = None, seconds_between: float = 1.0
    ) -> None:
        self._paces, self._faults = Paces(wanted), _Faults()
        self._stream = stream or sys.stderr
        self._seconds_between = seconds_between
        self._next_at = 0.0

    def answered(self, answer: Answer) -> None:
        self._paces.answered(answer.model_id)
        if fault := self._faults.new(answer):
            self._say(fault)
        if monotonic() >= self._next_at or self._paces.count == self._paces.total:
            self._next_at = monotonic() + self._seconds_between
            self._say(str(self._paces))

    def close(self) -> None:
        """Every line is written out already."""

    def _say(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()


class BarProgress:
    """A bar a model, that stay at the bottom of the terminal."""

    def __init__(self, wanted: Mapping[str, int], console: Any) -> None:
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bars

        self._paces, self._faults = Paces(wanted), _Faults()
        name = TextColumn("{task.description}", markup=False)
        self._bars = Bars(name, BarColumn(), TextColumn("{task.fields[pace]}"), console=console)
        self._bar = {
            model_id: self._bars.add_task(model_id, total=count, pace=self._paces.of(model_id))
            for model_id, count in wanted.items()
        }
        self._bars.start()

    def answered(self, answer: Answer) -> None:
        self._paces.answered(answer.model_id)
        if fault := self._faults.new(answer):
            self._bars.console.print(fault, markup=False, highlight=False)
        pace = self._paces.of(answer.model_id)
        self._bars.update(self._bar[answer.model_id], advance=1, pace=pace)

    def close(self) -> None:
        self._bars.stop()


def progress_for(wanted: Mapping[str, int]) -> Progress:
    """Bars where a person looks at stderr, lines where it goes to a file."""
    if not sys.stderr.isatty():
        return PlainProgress(wanted)
    from rich.console import Console

    return BarProgress(wanted, Console(stderr=True))


def describe_time(seconds: float) -> str:
    """'3:07' or '2:03:07': a time left."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
