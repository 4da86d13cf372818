"""Where a training stands, told to its folder and to whoever looks on.

Knows: status.json and metrics.jsonl, how often they are written, and who else is shown each of them.
Refuses to know: what is measured and how a terminal or a page draws it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace

from errors import NaraniError
from finetune.run_folder import Metric, RunFolder, TrainingState, TrainingStatus, now

Show = Callable[[TrainingStatus, Metric | None], None]
"""Is called at each change of state and after each step, with that step's figures."""

_SECONDS_BETWEEN = 0.5


class Telling:
    def __init__(self, run: RunFolder, show: Show | None) -> None:
        self._run, self._show = run, show
        self._written = 0.0
        self.status = TrainingStatus(TrainingState.PREPARING, pid=os.getpid(), started=now())

    def enter(self, state: TrainingState) -> None:
        self._tell(replace(self.status, state=state), force=True)

    def step(
        self, step: int, total: int, epoch: float, seconds_left: float | None, metric: Metric | None
    ) -> None:
        """`metric` is on disk when this returns."""
        if metric is not None:
            self._run.add_metric(metric)
        reached = replace(self.status, step=step, total_steps=total, epoch=epoch, seconds_left=seconds_left)
        self._tell(reached, metric)

    def fail(self, error: NaraniError) -> None:
        failed = replace(self.status, state=TrainingState.FAILED, error=str(error), error_code=error.code)
        self._tell(replace(failed, seconds_left=None), force=True)

    def _tell(self, status: TrainingStatus, metric: Metric | None = None, *, force: bool = False) -> None:
        self.status = status
        if force or time.monotonic() - self._written >= _SECONDS_BETWEEN:
            self.status = self._run.set_status(status)
            self._written = time.monotonic()
        if self._show is not None:
            self._show(self.status, metric)
