"""Many requests to several models, some of them at the same time, every answer stored as it comes.

Answers are stored by one thread in the order in which they end, and reported only then. A stopped answer is
no answer, and an engine that is down ends the queue.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import SimpleQueue

from comparison.run import submit
from engines.base import Answer, AnswerRequest, Engine, FinishReason, LiveAnswer
from errors import EngineDown

StoreAnswer = Callable[[int, Answer, datetime], None]
"""Put away the answer to the request at that place, which was asked at that time."""

ReportAnswer = Callable[[int, Answer], None]


@dataclass(frozen=True)
class QueueOutcome:
    """How a batch ended; every answer counted here was stored."""

    answered: int = 0
    failed: int = 0
    """How many of those answered."""
    stopped: bool = False
    not_kept: BaseException | None = None
    """Why storing ended the batch early."""


class RequestQueue:
    """The requests being asked. `report` is called on the thread of `run`, for answers that are stored."""

    def __init__(
        self,
        engine: Engine,
        requests: Sequence[AnswerRequest],
        store: StoreAnswer,
        report: ReportAnswer,
        rows_per_model: int,
    ) -> None:
        self._engine, self._requests = engine, requests
        self._store, self._report = store, report
        self._rows_per_model = rows_per_model
        self._waiting: dict[str, deque[int]] = {}
        for at, request in enumerate(requests):
            self._waiting.setdefault(request.model_id, deque()).append(at)
        self._in_flight: dict[str, dict[int, LiveAnswer]] = {model: {} for model in self._waiting}
        self._ended: SimpleQueue[tuple[int, Answer, BaseException | None] | None] = SimpleQueue()
        self._stopping = False

    def stop(self) -> None:
        """Ask what is in flight to stop and ask nothing new; may be called from a signal handler."""
        self._ended.put(None)

    def run(self) -> QueueOutcome:
        """Ask everything and return when the last answer in flight has ended."""
        answered = failed = 0
        not_kept: BaseException | None = None
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="batch-keeper") as keeper:
            self._fill(keeper)
            while any(self._in_flight.values()):
                ended = self._ended.get()
                if ended is None:
                    self._stop_in_flight()
                    continue
                at, answer, problem = ended
                del self._in_flight[self._requests[at].model_id][at]
                if problem is not None:
                    not_kept = not_kept or problem
                    self._stop_in_flight()
                elif answer.finish_reason is not FinishReason.STOPPED:
                    answered += 1
                    failed += answer.finish_reason is FinishReason.FAILED
                    self._report(at, answer)
                self._fill(keeper)
        return QueueOutcome(answered, failed, self._stopping, not_kept)

    def _fill(self, keeper: ThreadPoolExecutor) -> None:
        for model_id, waiting in self._waiting.items():
            in_flight = self._in_flight[model_id]
            while waiting and len(in_flight) < self._rows_per_model and not self._stopping:
                at = waiting.popleft()
                in_flight[at] = self._live(at, keeper)
                submit(self._engine, self._requests[at], in_flight[at])

    def _live(self, at: int, keeper: ThreadPoolExecutor) -> LiveAnswer:
        asked = datetime.now(UTC)

        def put_away(answer: Answer) -> Answer:
            if answer.error_code == EngineDown.category and answer.cause is not None:
                raise EngineDown(answer.cause)
            if answer.finish_reason is not FinishReason.STOPPED:
                self._store(at, answer, asked)
            return answer

        def enqueue(answer: Answer) -> Future[Answer]:
            stored = keeper.submit(put_away, answer)
            stored.add_done_callback(lambda done: self._ended.put((at, answer, done.exception())))
            return stored

        return LiveAnswer(self._requests[at].model_id, keep=enqueue)

    def _stop_in_flight(self) -> None:
        self._stopping = True
        for in_flight in self._in_flight.values():
            for live in in_flight.values():
                live.ask_to_stop()
