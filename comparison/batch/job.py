"""One batch at work on its own thread: asks what has no answer yet, and stores each as it comes.

It does not know where answers lie, who looks on, and whether a page or a command line began it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime

from comparison.batch.cells import BatchAnswers, BatchCell, plan_of
from comparison.batch.progress import BatchProgress, BatchState, BatchView
from comparison.batch.queue import ReportAnswer, RequestQueue, StoreAnswer
from comparison.scoring import score_request, with_score
from engines.base import Answer, AnswerRequest, Engine, FinishReason
from errors import Cause, NaraniError


class BatchJob:
    """Made once for each time somebody starts a batch or goes on with it."""

    def __init__(
        self,
        engine: Engine,
        answers: BatchAnswers,
        progress: BatchProgress,
        rows_per_model: int,
        retry_failed: bool,
        *,
        id: str = "",
        owner: str = "",
    ) -> None:
        self.id, self.owner = id, owner
        self._engine, self._answers, self._progress = engine, answers, progress
        self._rows_per_model, self._retry_failed = rows_per_model, retry_failed
        self._lock = threading.Lock()
        self._stopping = False
        self._queue: RequestQueue | None = None
        self._problem: Cause | None = None
        self._ended = threading.Event()

    def start(self) -> None:
        # A daemon: a server that is told to end does not wait for a thousand questions. What was answered is
        # on disk, and the next job goes on from there.
        threading.Thread(target=self._work, name=f"batch-{self.id}", daemon=True).start()

    def stop(self) -> None:
        """Ask nothing new and stop what is being answered; what is stored stays."""
        with self._lock:
            self._stopping = True
            if self._queue is not None:
                self._queue.stop()

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
        if not ended:
            state = BatchState.STOPPING if stopping else BatchState.RUNNING
        elif self._progress.complete:
            state = BatchState.DONE
        else:
            state = BatchState.BROKEN if problem else BatchState.STOPPED
        return self._progress.view(state, self._answers.unsaved(), problem)

    def _work(self) -> None:
        try:
            plan = plan_of(self._answers.cells(), self._retry_failed)
            self._progress.begin(plan.wanted, plan.done, plan.failures)
            self._ask(plan.left)
            self._score()
        except NaraniError as error:
            self._problem = error.cause
        except Exception as error:  # noqa: BLE001 - whatever ends this thread is told on the page
            self._problem = Cause("batch-broke-off", kind=type(error).__name__)
        finally:
            with self._lock:
                self._queue = None
            self._answers.close()
            self._ended.set()

    def _ask(self, cells: Sequence[BatchCell]) -> None:
        def store(at: int, answer: Answer, asked_at: datetime) -> None:
            self._answers.store(cells[at], answer, asked_at)

        def report(at: int, answer: Answer) -> None:
            failed = answer.finish_reason is FinishReason.FAILED
            failure = cells[at].failure(answer.cause) if failed and answer.cause else None
            self._progress.answered(answer.model_id, failure)

        self._run_queue([cell.request for cell in cells], store, report)

    def _score(self) -> None:
        """When all are answered: in between, the reward model would push their models out of memory."""
        left = list(self._answers.unscored())

        def store(at: int, judged: Answer, asked_at: datetime) -> None:
            answer = with_score(left[at].answer, judged)
            if answer is not left[at].answer:
                self._answers.store_score(left[at], answer)

        requests = [score_request(each.request, each.answer) for each in left]
        self._run_queue(requests, store, lambda at, judged: None)

    def _run_queue(self, requests: Sequence[AnswerRequest], store: StoreAnswer, report: ReportAnswer) -> None:
        with self._lock:
            if self._stopping or not requests:
                return
            self._queue = queue = RequestQueue(self._engine, requests, store, report, self._rows_per_model)
        not_kept = queue.run().not_kept
        if not_kept is not None:
            raise not_kept
