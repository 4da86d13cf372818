"""Batches at work: they belong to the process, not to a page, and go on from what the history holds.

Knows: which batches this process works on and whose, and how one is written down before it begins.
Refuses to know: pages, files of questions, how answers are stored, and how text is made.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from comparison.batch.job import BatchJob
from comparison.batch.progress import BatchState, BatchView
from comparison.question_source import without_repeats
from comparison.questions import Question
from comparison.run import check_requests, requests_for
from engines.base import AnswerRequest, Engine, GenerationSettings
from errors import BadRequest
from history.history import History
from history.records import BatchHead, RunHead, StoredBatch
from prompts.conversation import Conversation


def new_batch_id() -> str:
    """Fit for an address, and not to be guessed."""
    return secrets.token_urlsafe(12)


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
        models: Sequence[str],
        settings: Mapping[str, GenerationSettings],
        *,
        format_id: str | None = None,
        quantizations: Mapping[str, str] | None = None,
        batch_id: str | None = None,
    ) -> BatchJob:
        """Write the batch down, then ask each question once of every model. The same `batch_id` again (a
        button pressed twice) is the same batch."""
        asked = requests_for(Conversation.ask(" "), models, settings, format_id=format_id)
        if quantizations:
            asked = tuple(replace(one, quantization=quantizations.get(one.model_id)) for one in asked)
        once = without_repeats(questions)
        if not once:
            raise BadRequest("batch-without-questions")
        with self._lock:
            before = self._jobs.get(batch_id) if batch_id else None
            if before is not None and before.owner == owner:
                return before
            batch = BatchHead(batch_id or new_batch_id(), owner, datetime.now(UTC), name, tuple(models))
            heads = [_head(batch, question, asked) for question in once]
            self._history.begin_batch(batch, heads)
            return self._at_work(StoredBatch(batch, len(heads), len(heads) * len(models), 0, 0), False)

    def go_on(self, owner: str, batch_id: str, retry_failed: bool = False) -> BatchJob:
        """Ask what has no answer yet, and on wish what failed; a batch at work is left as it is."""
        with self._lock:
            job = self._jobs.get(batch_id)
            if job is not None and job.owner == owner and not job.ended:
                return job
            stored = self._history.batch(owner, batch_id)
            if stored is None:
                raise BadRequest("batch-not-in-history", batch=batch_id)
            if not self._history.take_batch(batch_id):
                raise BadRequest("batch-elsewhere")
            return self._at_work(stored, retry_failed)

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
        job = BatchJob(self._engine, self._history, stored, self._rows_per_model, retry_failed)
        self._jobs.pop(stored.head.id, None)
        self._jobs[stored.head.id] = job
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


def _head(batch: BatchHead, question: Question, asked: Sequence[AnswerRequest]) -> RunHead:
    conversation = Conversation.ask(question.text, question.input, question.system)
    requests = tuple(replace(request, conversation=conversation) for request in asked)
    check_requests(requests)
    return RunHead(new_batch_id(), batch.owner, batch.created, requests, batch=batch.id)
