"""The runs of this process, so that a refreshed or second page finds its run again.

One that ended is forgotten after a while, and one that nobody has looked at for long is stopped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import monotonic

from comparison.kept_by_id import KeptById
from comparison.run import KeepAnswer, Run, start, submit
from engines.base import AnswerRequest, Engine


class LiveRuns(KeptById[Run]):
    """Runs by id. One that still runs is never forgotten; an ended one after `keep_seconds` without
    anybody looking, or earlier, least recently looked at first, when there are more than `limit`."""

    def __init__(
        self,
        keep_seconds: float = 3600,
        limit: int = 200,
        unwatched_seconds: float | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        super().__init__(keep_seconds, limit, clock)
        self._unwatched_seconds = unwatched_seconds
        self._watcher: threading.Thread | None = None

    def start(
        self,
        engine: Engine,
        requests: Sequence[AnswerRequest],
        keep: KeepAnswer | None = None,
        *,
        owner: str = "",
        previous: str | None = None,
        kind: str = "",
        begun: Callable[[Run], None] | None = None,
    ) -> Run:
        run = start(engine, requests, keep, owner=owner, previous=previous, kind=kind, begun=begun)
        with self._lock:
            self._keep(run)
            self._watch()
        return run

    def ask_again(self, engine: Engine, run: Run, position: int, begun: Callable[[int], None]) -> None:
        """Ask one column of a run again; `begun` is told the attempt before the question leaves."""
        column = run.next_attempt(position)
        begun(column.attempt)
        with self._lock:
            self._keep(run)
            self._watch()
        submit(engine, column.request, column.live)

    def watched(self, within: float = 2.0) -> int:
        """How many runs at work are being looked at."""
        with self._lock:
            since = self._clock() - within
            return sum(not run.ended and self._looked_at[run.id] >= since for run in self._kept.values())

    def stop_all(self) -> None:
        for run in self._all():
            run.stop_all()

    def stop_unwatched(self) -> None:
        """Stop what still runs though nobody has looked at it for `unwatched_seconds`."""
        if self._unwatched_seconds is None:
            return
        with self._lock:
            too_long = self._clock() - self._unwatched_seconds
            left_alone = [run for run in self._kept.values() if self._looked_at[run.id] <= too_long]
        for run in left_alone:
            run.stop_all()

    def _watch(self) -> None:
        if self._unwatched_seconds is None or (self._watcher is not None and self._watcher.is_alive()):
            return
        self._watcher = threading.Thread(target=self._until_all_ended, name="runs-watch", daemon=True)
        self._watcher.start()

    def _until_all_ended(self) -> None:
        pause = threading.Event()
        while True:
            with self._lock:
                if all(run.ended for run in self._kept.values()):
                    self._watcher = None
                    return
            pause.wait(min(5.0, max(0.05, (self._unwatched_seconds or 0.0) / 4)))
            self.stop_unwatched()
