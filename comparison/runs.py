"""The runs of this process, so that a refreshed or second page finds its run again.

One that ended is forgotten after a while, and one that nobody has looked at for long is stopped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import monotonic

from comparison.run import KeepAnswer, Run, start, submit
from engines.base import AnswerRequest, Engine


class LiveRuns:
    """Runs by id. One that still runs is never forgotten; an ended one after `keep_seconds` without
    anybody looking, or earlier, least recently looked at first, when there are more than `limit`."""

    def __init__(
        self,
        keep_seconds: float = 3600,
        limit: int = 200,
        unwatched_seconds: float | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._keep_seconds, self._limit, self._clock = keep_seconds, limit, clock
        self._unwatched_seconds = unwatched_seconds
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._looked_at: dict[str, float] = {}
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
            self._runs[run.id] = run
            self._looked_at[run.id] = self._clock()
            self._forget()
            self._watch()
        return run

    def ask_again(self, engine: Engine, run: Run, position: int, begun: Callable[[int], None]) -> None:
        """Ask one column of a run again; `begun` is told the attempt before the question leaves."""
        column = run.next_attempt(position)
        begun(column.attempt)
        with self._lock:
            self._runs[run.id] = run
            self._looked_at[run.id] = self._clock()
            self._watch()
        submit(engine, column.request, column.live)

    def get(self, run_id: str, owner: str = "") -> Run | None:
        """None where there is no such run, or it is another's."""
        with self._lock:
            self._forget()
            run = self._runs.get(run_id)
            if run is None or run.owner != owner:
                return None
            self._looked_at[run_id] = self._clock()
            return run

    def hand_over(self, before: str, into: str) -> None:
        """One owner's runs become another's."""
        with self._lock:
            for run in self._runs.values():
                if run.owner == before:
                    run.owner = into

    def watched(self, within: float = 2.0) -> int:
        """How many runs at work are being looked at."""
        with self._lock:
            since = self._clock() - within
            return sum(not run.ended and self._looked_at[run.id] >= since for run in self._runs.values())

    def stop_all(self) -> None:
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            run.stop_all()

    def stop_unwatched(self) -> None:
        """Stop what still runs though nobody has looked at it for `unwatched_seconds`."""
        if self._unwatched_seconds is None:
            return
        with self._lock:
            too_long = self._clock() - self._unwatched_seconds
            left_alone = [run for run in self._runs.values() if self._looked_at[run.id] <= too_long]
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
                if all(run.ended for run in self._runs.values()):
                    self._watcher = None
                    return
            pause.wait(min(5.0, max(0.05, (self._unwatched_seconds or 0.0) / 4)))
            self.stop_unwatched()

    def _forget(self) -> None:
        too_old = self._clock() - self._keep_seconds
        excess = len(self._runs) - self._limit
        for run_id in sorted(self._runs, key=self._looked_at.__getitem__):
            if excess <= 0 and self._looked_at[run_id] > too_old:
                break
            if self._runs[run_id].ended:
                del self._runs[run_id], self._looked_at[run_id]
                excess -= 1
