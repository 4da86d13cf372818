"""Where a training stands, written into its folder and shown to whoever looks on.

Knows: status.json and metrics.jsonl, how often they are written, and who else is shown each of them.
Refuses to know: what is measured and how a terminal or a page draws it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from errors import NaraniError
from finetune.distributed.process_group import ALONE, ProcessGroup
from finetune.distributed.ranks import ReportedElsewhere
from finetune.run_folder import RunFolder, TrainingState, TrainingStatus, now
from finetune.run_reports import Metric

Show = Callable[[TrainingStatus, Metric | None], None]
"""Is called at each change of state and after each step, with that step's figures."""
Tell = Callable[[Sequence[str]], None]
"""Is called once, before the first step, with what was decided for the person."""

_SECONDS_BETWEEN_WRITES = 1.0
"""The least time between two writes of status.json while steps are made: each waits for the disk."""


class StatusWriter:
    def __init__(
        self, run: RunFolder, show: Show | None, group: ProcessGroup = ALONE, tell: Tell | None = None
    ) -> None:
        self._run, self._show, self._group, self._say = run, show, group, tell
        self._written = 0.0
        self.status = TrainingStatus(TrainingState.PREPARING, pid=os.getpid(), started=now())

    def decided(self, notes: Sequence[str]) -> None:
        if self._say is not None and self._group.first:
            self._say(notes)

    def enter(self, state: TrainingState) -> None:
        self._tell(replace(self.status, state=state), force=True)

    def step(self, step: int, total: int, epoch: float, metric: Metric | None) -> None:
        """`metric` is on disk when this returns."""
        if metric is not None and self._group.first:
            self._run.add_metric(metric)
        reached = replace(self.status, step=step, total_steps=total, epoch=epoch).reached(metric)
        self._tell(reached, metric)

    def fail(self, error: NaraniError) -> None:
        """Whichever process is the first with something to say; the others keep silent."""
        if isinstance(error, ReportedElsewhere) or not self._group.first_to_report(self._run.path):
            raise ReportedElsewhere
        failed = replace(self.status, state=TrainingState.FAILED).with_error(error)
        self._write(replace(failed, seconds_left=None))
        if self._show is not None:
            self._show(self.status, None)

    def _tell(self, status: TrainingStatus, metric: Metric | None = None, *, force: bool = False) -> None:
        self.status = status
        if not self._group.first:
            return
        if force or time.monotonic() - self._written >= _SECONDS_BETWEEN_WRITES:
            self._write(status)
        if self._show is not None:
            self._show(self.status, metric)

    def _write(self, status: TrainingStatus) -> None:
        self.status = self._run.set_status(status)
        self._written = time.monotonic()
