"""How far a batch is: a bar a model on a terminal, plain lines elsewhere, with the rate and the time left.

Everything goes to stderr; a fault is told once for each model and sentence.
"""

from __future__ import annotations

import sys
from time import monotonic
from typing import Any, Protocol, TextIO

from comparison.batch.progress import BatchView, ModelView
from errors import wording
from settings import terminal_language


class BatchLines(Protocol):
    """Shown the batch every now and then."""

    def show(self, view: BatchView) -> None: ...

    def close(self) -> None: ...


def whole_pace(view: BatchView) -> str:
    """'45 of 80 answered, 2.0 a minute, 17:30 left (quick 40/40, slow 5/40)'"""
    rate = sum(model.per_second or 0.0 for model in view.models)
    line = f"{view.done} of {view.wanted} answered" + _told(rate or None, view.seconds_left)
    if len(view.models) < 2:
        return line
    return f"{line} ({', '.join(f'{each.model_id} {each.done}/{each.wanted}' for each in view.models)})"


def pace_of(model: ModelView) -> str:
    return f"{model.done}/{model.wanted}" + _told(model.per_second, model.seconds_left)


def _told(rate: float | None, left: float | None) -> str:
    if rate is None:
        return ""
    of_rate = f", {rate:.1f} a second" if rate >= 1 else f", {60 * rate:.1f} a minute"
    return of_rate + (f", {describe_time(left)} left" if left else "")


class _Faults:
    """The faults that were told already, by this command or an earlier one."""

    def __init__(self, view: BatchView) -> None:
        self._told: set[tuple[str, str]] = set()
        self._earlier = view.failures
        self._language = terminal_language()

    def new(self, view: BatchView) -> list[str]:
        since = [each for each in view.failures if each not in self._earlier]
        faults = dict.fromkeys((each.model_id, wording(each.cause, self._language)) for each in since)
        new = [fault for fault in faults if fault not in self._told]
        self._told.update(new)
        return [f"{model_id}: {sentence}" for model_id, sentence in new]


class PlainLines:
    """A line for the first and the last answer, and in between at most one every so many seconds."""

    def __init__(self, view: BatchView, stream: TextIO | None = None, seconds_between: float = 1.0) -> None:
        self._faults, self._shown = _Faults(view), view.done
        self._stream = stream or sys.stderr
        self._seconds_between = seconds_between
        self._next_at = 0.0

    def show(self, view: BatchView) -> None:
        for fault in self._faults.new(view):
            self._say(fault)
        if view.done > self._shown and (monotonic() >= self._next_at or view.done == view.wanted):
            self._next_at = monotonic() + self._seconds_between
            self._shown = view.done
            self._say(whole_pace(view))

    def close(self) -> None:
        """Every line is written out already."""

    def _say(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()


class BarLines:
    """A bar a model, that stay at the bottom of the terminal."""

    def __init__(self, view: BatchView, console: Any) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._faults = _Faults(view)
        name = TextColumn("{task.description}", markup=False)
        self._bars = Progress(name, BarColumn(), TextColumn("{task.fields[pace]}"), console=console)
        self._bar = {
            each.model_id: self._bars.add_task(each.model_id, total=each.wanted, pace=pace_of(each))
            for each in view.models
        }
        self._bars.start()

    def show(self, view: BatchView) -> None:
        for fault in self._faults.new(view):
            self._bars.console.print(fault, markup=False, highlight=False)
        for each in view.models:
            self._bars.update(self._bar[each.model_id], completed=each.done, pace=pace_of(each))

    def close(self) -> None:
        self._bars.stop()


def lines_for(view: BatchView) -> BatchLines:
    """Bars where a person looks at stderr, lines where it goes to a file; `view`: the batch as it begins."""
    if not sys.stderr.isatty():
        return PlainLines(view)
    from rich.console import Console

    return BarLines(view, Console(stderr=True))


def describe_time(seconds: float) -> str:
    """'3:07' or '2:03:07': a time left."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
