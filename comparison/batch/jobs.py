"""Batches at work: they belong to the process, not to a page, and go on from what the history holds."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from comparison.batch.cells import AnswersInHistory, begin_batch, take_batch
from comparison.batch.job import BatchJob
from comparison.batch.progress import BatchProgress, BatchState, BatchView
from comparison.questions import Question
from engines.base import AnswerRequest, Engine
from history.records import StoredBatch

if TYPE_CHECKING:
    from history.history import History


class BatchJobs:
    """At most one job at work for a batch. Of jobs that ended the newest `limit` are remembered; the history
    knows the others."""

    def __init__(self, engine: Engine, history: History, rows_per_model: int, limit: int = 100) -> None:
        self._engine, self._history = engine, history
        self._rows_per_model, self._limit = rows_per_model, limit
        self._lock = threading.Lock()
        self._jobs: dict[str, BatchJob] = {}

    def start(
        self,
        owner: str,
        name: str,
        questions: Sequence[Question],
        asked: Sequence[AnswerRequest],
        batch_id: str | None = None,
    ) -> BatchJob:
        """Write the batch down, then ask each question once of every model; `asked`: how each is asked, one
        request a model. The same `batch_id` again is the same batch."""
        with self._lock:
            before = self._jobs.get(batch_id) if batch_id else None
            if before is not None and before.owner == owner:
                return before
            return self._at_work(begin_batch(self._history, owner, name, questions, asked, batch_id), False)

    def go_on(self, owner: str, batch_id: str, retry_failed: bool = False) -> BatchJob:
        """Ask what has no answer yet, and on wish what failed; a batch at work is left as it is."""
        with self._lock:
            job = self._jobs.get(batch_id)
            if job is not None and job.owner == owner and not job.ended:
                return job
            return self._at_work(take_batch(self._history, owner, batch_id), retry_failed)

    def get(self, owner: str, batch_id: str) -> BatchJob | None:
        """The job of this process; None where it has none, or it is another's."""
        with self._lock:
            job = self._jobs.get(batch_id)
        return job if job is not None and job.owner == owner else None

    def hand_over(self, before: str, into: str) -> None:
        """One owner's jobs become another's."""
        with self._lock:
            for job in self._jobs.values():
                if job.owner == before:
                    job.owner = into

    def view(self, owner: str, batch_id: str) -> BatchView | None:
        """How far the batch is, whether it is at work or only in the history."""
        job = self.get(owner, batch_id)
        if job is not None and not job.ended:
            return job.view()
        stored = self._history.batch(owner, batch_id)
        return None if stored is None else self.view_of(stored)

    def view_of(self, stored: StoredBatch) -> BatchView:
        """A job knows more than the history does; once it has ended its answers may have been asked again."""
        job = self.get(stored.head.owner, stored.head.id)
        if job is None or (job.ended and stored.elsewhere):
            return stored_view(stored)
        view = job.view()
        if not job.ended or view.unsaved:
            return view
        failures = view.failures if stored.failed == view.failed else ()
        wanted, done, failed = stored.wanted, stored.done, stored.failed
        return replace(view, wanted=wanted, done=done, failed=failed, failures=failures)

    def stop_all(self) -> None:
        """Ask every job to stop, and wait for what is being answered."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.stop()
        for job in jobs:
            job.wait()

    def _at_work(self, stored: StoredBatch, retry_failed: bool) -> BatchJob:
        id, owner = stored.head.id, stored.head.owner
        answers = AnswersInHistory(self._history, owner, id)
        progress = BatchProgress(stored.wanted, stored.done, stored.failed)
        job = BatchJob(
            self._engine, answers, progress, self._rows_per_model, retry_failed, id=id, owner=owner
        )
        self._jobs.pop(id, None)
        self._jobs[id] = job
        ended = [batch_id for batch_id, each in self._jobs.items() if each.ended]
        for batch_id in ended[: max(0, len(self._jobs) - self._limit)]:
            del self._jobs[batch_id]
        job.start()
        return job


def stored_view(stored: StoredBatch) -> BatchView:
    """What the history alone tells of a batch."""
    left = BatchState.ELSEWHERE if stored.elsewhere else BatchState.INTERRUPTED
    state = BatchState.DONE if stored.done >= stored.wanted else left
    return BatchView(state, stored.wanted, stored.done, stored.failed)
