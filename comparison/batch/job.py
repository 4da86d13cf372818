"""One batch at work on its own thread: asks what the history holds no answer to, and stores as it comes.

Knows: which cells are left, that a stored answer is never asked for again, how stopping and breaking end it.
Refuses to know: who looks on, other batches, and how questions got into the history.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from comparison.answer_rows import never_asked
from comparison.batch.progress import BatchFailure, BatchProgress, BatchState, BatchView
from comparison.batch.queue import RequestQueue
from engines.base import Answer, AnswerRequest, Engine, FinishReason
from errors import NaraniError
from history.history import History
from history.records import StoredAnswer, StoredBatch, StoredRun, StoredState

_ANSWERED = (StoredState.DONE, StoredState.FAILED)


@dataclass(frozen=True)
class _Cell:
    """One question to one model that is still to be asked."""

    run_id: str
    position: int
    request: AnswerRequest
    attempt: int


class BatchJob:
    """Made once for each time somebody starts a batch or goes on with it."""

    def __init__(
        self, engine: Engine, history: History, stored: StoredBatch, rows_per_model: int, retry_failed: bool
    ) -> None:
        self.id, self.owner = stored.head.id, stored.head.owner
        self._engine, self._history = engine, history
        self._rows_per_model, self._retry_failed = rows_per_model, retry_failed
        self._progress = BatchProgress(stored.wanted, stored.done, stored.failed)
        self._lock = threading.Lock()
        self._stopping = False
        self._batch: RequestQueue | None = None
        self._unsaved: set[tuple[str, int]] = set()
        self._problem: str | None = None
        self._ended = threading.Event()

    def start(self) -> None:
        # A daemon: a server that is told to end does not wait for a thousand questions. What was answered is
        # on disk, and the history tells where to go on.
        threading.Thread(target=self._work, name=f"batch-{self.id}", daemon=True).start()

    def stop(self) -> None:
        """Ask nothing new and stop what is being answered; what is stored stays."""
        with self._lock:
            self._stopping = True
            if self._batch is not None:
                self._batch.stop()

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it ended within `timeout` seconds."""
        return self._ended.wait(timeout)

    def view(self) -> BatchView:
        ended = self.ended
        with self._lock:
            stopping, problem = self._stopping, self._problem
            self._unsaved = {cell for cell in self._unsaved if self._history.unsaved(*cell)}
            unsaved = len(self._unsaved)
        if not ended:
            state = BatchState.STOPPING if stopping else BatchState.RUNNING
        elif self._progress.complete:
            state = BatchState.DONE
        else:
            state = BatchState.BROKEN if problem else BatchState.STOPPED
        return self._progress.view(state, unsaved, problem)

    def _work(self) -> None:
        try:
            self._ask(list(self._left()))
        except NaraniError as error:
            self._problem = str(error)
        except Exception as error:  # noqa: BLE001 - whatever ends this thread is told on the page
            self._problem = f"The batch broke off ({type(error).__name__}). What was answered is kept."
        finally:
            with self._lock:
                self._batch = None
            self._history.end_batch(self.id)
            self._ended.set()

    def _left(self) -> Iterator[_Cell]:
        """The cells to ask, in the order of the questions; the progress is told how far it is already."""
        wanted, done = Counter[str](), Counter[str]()
        failures: list[BatchFailure] = []
        for run in self._history.batch_runs(self.owner, self.id):
            answers = {answer.position: answer for answer in run.answers}
            for position, request in enumerate(run.head.requests):
                before = answers.get(position)
                wanted[request.model_id] += 1
                if self._answered(run, position, before):
                    done[request.model_id] += 1
                    failures += _failures(run, before)
                else:
                    attempt = 1 if before is None else before.attempt + 1
                    yield _Cell(run.head.id, position, request, attempt)
        self._progress.begin(wanted, done, failures)

    def _answered(self, run: StoredRun, position: int, before: StoredAnswer | None) -> bool:
        if self._history.unsaved(run.head.id, position):
            return True
        if before is None:
            return False
        if before.state is not StoredState.FAILED:
            return before.state in _ANSWERED
        error = before.answer.error if before.answer else None
        return not (self._retry_failed or never_asked(error))

    def _ask(self, cells: list[_Cell]) -> None:
        def store(at: int, answer: Answer, asked_at: datetime) -> None:
            self._store(cells[at], answer, asked_at)

        def report(at: int, answer: Answer) -> None:
            failed = answer.finish_reason is FinishReason.FAILED
            request = cells[at].request
            self._progress.answered(request.model_id, _failure(request, answer) if failed else None)

        with self._lock:
            if self._stopping or not cells:
                return
            requests = [cell.request for cell in cells]
            self._batch = batch = RequestQueue(self._engine, requests, store, report, self._rows_per_model)
        not_kept = batch.run().not_kept
        if not_kept is not None:
            raise not_kept

    def _store(self, cell: _Cell, answer: Answer, asked_at: datetime) -> None:
        failed = answer.finish_reason is FinishReason.FAILED
        state = StoredState.FAILED if failed else StoredState.DONE
        stored = StoredAnswer(cell.position, cell.attempt, state, answer, asked_at, datetime.now(UTC))
        try:
            self._history.store(cell.run_id, stored)
        except NaraniError:  # the history keeps it and tries again until it is on disk; asking goes on
            with self._lock:
                self._unsaved.add((cell.run_id, cell.position))


def _failures(run: StoredRun, stored: StoredAnswer | None) -> list[BatchFailure]:
    if stored is None or stored.state is not StoredState.FAILED or stored.answer is None:
        return []
    return [_failure(run.head.requests[stored.position], stored.answer)]


def _failure(request: AnswerRequest, answer: Answer) -> BatchFailure:
    return BatchFailure(request.conversation.turns[-1].question, request.model_id, answer.error or "")
