"""How far a training is, in a terminal: a line that changes, or a line now and then where nobody watches.

Knows: which figures are shown, and how often where the output goes into a file.
Refuses to know: where the figures come from.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from finetune.run_folder import ENDED, TrainingState, TrainingStatus
from finetune.run_reports import Metric
from settings import format_bytes

_SECONDS_BETWEEN_LINES = 10.0
_TOLD = ("reward", "kl", "length", "ended", "accuracy", "margin")
"""Of the figures that a kind of training has of its own."""


class ProgressLines:
    """Its `show` is what `train` tells."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self._last: tuple[float, TrainingState | None] = (0.0, None)
        self._metric: Metric | None = None

    def __enter__(self) -> ProgressLines:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def tell(self, notes: Sequence[str]) -> None:
        """What was decided, above the line that changes."""
        for note in notes:
            self._console.print(Text(note), soft_wrap=True)

    def show(self, status: TrainingStatus, metric: Metric | None) -> None:
        self._metric = metric or self._metric
        line = Text(line_of(status, self._metric))
        if self._live is not None:
            self._live.update(line)
            return
        at, state = self._last
        if status.state is not state or time.monotonic() - at >= _SECONDS_BETWEEN_LINES:
            self._console.print(line, soft_wrap=True)
            self._last = (time.monotonic(), status.state)


def line_of(status: TrainingStatus, metric: Metric | None) -> str:
    """'training  step 12 of 80  epoch 0.30  loss 1.234  …'"""
    parts = [str(status.state)]
    if status.total_steps:
        parts += [f"step {status.step} of {status.total_steps}", f"epoch {status.epoch:.2f}"]
    if metric is not None:
        if metric.loss is not None:
            parts.append(f"loss {metric.loss:.3f}")
        if metric.held_out_loss is not None:
            parts.append(f"held out {metric.held_out_loss:.3f}")
        parts += [f"{name} {metric.figures[name]:.3g}" for name in _TOLD if name in metric.figures]
        if metric.tokens_per_second:
            parts.append(f"{metric.tokens_per_second:,.0f} tokens/s")
        if metric.memory_bytes:
            parts.append(format_bytes(metric.memory_bytes))
    if status.seconds_left is not None and status.state not in ENDED:
        parts.append(f"{duration(status.seconds_left)} left")
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """'2 h 05 min', '3 min 20 s', '8 s'."""
    whole = max(0, round(seconds))
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {whole % 60:02d} s" if minutes else f"{whole} s"
