"""The clock of a training's steps, apart from any loop, so that ours and a library's go by the same one.

It says which step gets a checkpoint, how fast steps go, and how long the rest takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from finetune.training.course import Course

_SECONDS_BETWEEN_CHECKPOINTS = 600.0


class StepClock:
    """Without checkpoint_steps, a checkpoint is due after each epoch and every ten minutes."""

    def __init__(
        self, course: Course[Any], steps_an_epoch: int, tokens_seen: Callable[[], int] = lambda: 0
    ) -> None:
        """`tokens_seen`: how many tokens this process has learned so far."""
        self._course, self.steps_an_epoch, self._tokens_seen = course, steps_an_epoch, tokens_seen
        self._began = self._saved_at = time.monotonic()
        self._first_step = 0
        self._last = (0.0, 0)
        """When the last step ended, and how many tokens had been seen by then."""

    def begin(self, step: int) -> None:
        self._began = self._saved_at = time.monotonic()
        self._first_step = step
        self._last = (self._began, self._tokens_of_all())

    def saved(self) -> None:
        self._saved_at = time.monotonic()

    def is_due(self, step: int) -> bool:
        checkpoint_steps = self._course.settings.checkpoint_steps
        if checkpoint_steps is not None:
            return step % checkpoint_steps == 0
        epoch_ended = step % self.steps_an_epoch == 0
        return epoch_ended or time.monotonic() - self._saved_at >= _SECONDS_BETWEEN_CHECKPOINTS

    def epoch(self, step: int) -> float:
        return round(step / self.steps_an_epoch, 4)

    def tokens_per_second(self) -> float | None:
        """Since it was last asked, measuring and saving included; None where nobody counts them."""
        (before, tokens), here = self._last, (time.monotonic(), self._tokens_of_all())
        self._last = here
        return round((here[1] - tokens) / max(here[0] - before, 1e-9), 1) if here[1] else None

    def seconds_left(self, step: int, steps: int) -> float:
        made = max(1, step - self._first_step)
        return round((time.monotonic() - self._began) / made * (steps - step), 1)

    def _tokens_of_all(self) -> int:
        return self._course.group.total(self._tokens_seen())
