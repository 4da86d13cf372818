"""The runs of this process, so that a refreshed or second page finds its run again.

Knows: which runs there are, and when one that ended may be forgotten.
Refuses to know: pages, people, and what was asked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import monotonic

from comparison.run import Keep, Run, start
from engines.base import AnswerRequest, Engine


class Runs:
    """Runs by id. One that still runs is never forgotten; an ended one after `keep_seconds` without
    anybody looking, or earlier, least recently looked at first, when there are more than `limit`."""

    def __init__(
        self, keep_seconds: float = 3600, limit: int = 200, clock: Callable[[], float] = monotonic
    ) -> None:
        self._keep_seconds, self._limit, self._clock = keep_seconds, limit, clock
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._looked_at: dict[str, float] = {}

    def start(self, engine: Engine, requests: Sequence[AnswerRequest], keep: Keep | None = None) -> Run:
        run = start(engine, requests, keep)
        with self._lock:
            self._runs[run.id] = run
            self._looked_at[run.id] = self._clock()
            self._forget()
        return run

    def get(self, run_id: str) -> Run | None:
        with self._lock:
            self._forget()
            run = self._runs.get(run_id)
            if run is not None:
                self._looked_at[run_id] = self._clock()
            return run

    def stop_all(self) -> None:
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            run.stop_all()

    def _forget(self) -> None:
        too_old = self._clock() - self._keep_seconds
        excess = len(self._runs) - self._limit
        for run_id in sorted(self._runs, key=self._looked_at.__getitem__):
            if excess <= 0 and self._looked_at[run_id] > too_old:
                break
            if self._runs[run_id].ended:
                del self._runs[run_id], self._looked_at[run_id]
                excess -= 1
