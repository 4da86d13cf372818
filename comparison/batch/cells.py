"""What a batch asks: its cells, which of them are still to be asked, and their answers in the history.

A batch that a page began and one of the command line go on by the same rule, which stands here.
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from comparison.batch.progress import BatchFailure
from comparison.question_source import without_repeats
from comparison.questions import Question
from comparison.run import check_requests
from comparison.scoring import lacks_score
from engines.base import Answer, AnswerRequest
from errors import BadRequest, Cause, NaraniError
from history.records import BatchHead, RunHead, StoredAnswer, StoredBatch, StoredState
from prompts.conversation import Conversation

if TYPE_CHECKING:
    from history.history import History

_OF_THE_PROCESS = (
    "Narani is closing",
    "The engine is closed",
    "The engine could not be started",
    "A library is missing",
)


@dataclass(frozen=True)
class BatchCell:
    """One question to one model, and what is known of its newest answer."""

    request: AnswerRequest
    attempt: int = 0
    """0: it was never asked."""
    answered: bool = False
    failed: bool = False
    cause: Cause | None = None
    run_id: str = ""
    """Its run in the history, and its position there."""
    position: int = 0

    def failure(self, cause: Cause) -> BatchFailure:
        return BatchFailure(self.request.conversation.turns[-1].question, self.request.model_id, cause)


@dataclass(frozen=True)
class UnscoredAnswer:
    """An answer of the history that a reward model is to score."""

    run_id: str
    request: AnswerRequest
    stored: StoredAnswer
    answer: Answer


class BatchAnswers(Protocol):
    """Where the answers of one batch lie."""

    def cells(self) -> Iterable[BatchCell]:
        """All of them, in the order of the questions."""

    def store(self, cell: BatchCell, answer: Answer, started: datetime) -> None:
        """Return once the answer is on disk, or will be without being asked again; raise where it cannot be,
        which ends the batch."""

    def unscored(self) -> Iterable[UnscoredAnswer]:
        """What is answered and still lacks the score that was wished for with the question."""

    def store_score(self, unscored: UnscoredAnswer, answer: Answer) -> None:
        """As `store`, the same answer with its score."""

    def unsaved(self) -> int:
        """Answers that are only in memory still."""

    def close(self) -> None:
        """Nothing more is stored by this job; never raises."""


@dataclass(frozen=True)
class BatchPlan:
    """What there is of a batch, and what is still to be asked."""

    left: tuple[BatchCell, ...]
    wanted: Counter[str]
    """Cells by model."""
    done: Counter[str]
    failures: tuple[BatchFailure, ...]
    """Why answers failed, among those that are done."""


def plan_of(cells: Iterable[BatchCell], retry_failed: bool) -> BatchPlan:
    """What has an answer is not asked again; what failed only on wish."""
    left: list[BatchCell] = []
    wanted, done = Counter[str](), Counter[str]()
    failures: list[BatchFailure] = []
    for cell in cells:
        wanted[cell.request.model_id] += 1
        if not cell.answered or (cell.failed and (retry_failed or _never_asked(cell.cause))):
            left.append(cell)
            continue
        done[cell.request.model_id] += 1
        failures += [cell.failure(cell.cause)] if cell.failed and cell.cause else []
    return BatchPlan(tuple(left), wanted, done, tuple(failures))


def _never_asked(cause: Cause | None) -> bool:
    """Whether a stored failure was that of the process and not of the model. Such are no longer stored."""
    return str(cause).startswith(_OF_THE_PROCESS)


def new_batch_id() -> str:
    """Fit for an address, and not to be guessed."""
    return secrets.token_urlsafe(12)


def conversation_of(question: Question) -> Conversation:
    return Conversation.ask(question.text, question.input, question.system)


def begin_batch(
    history: History,
    owner: str,
    name: str,
    questions: Sequence[Question],
    asked: Sequence[AnswerRequest],
    batch_id: str | None = None,
) -> StoredBatch:
    """Write a batch down before anything is asked; `asked`: how each question is, one request a model."""
    once = without_repeats(questions)
    if not once:
        raise BadRequest("batch-without-questions")
    models = tuple(one.model_id for one in asked)
    batch = BatchHead(batch_id or new_batch_id(), owner, datetime.now(UTC), name, models)
    heads = [_head(batch, question, asked) for question in once]
    history.begin_batch(batch, heads)
    return StoredBatch(batch, len(heads), len(heads) * len(models), 0, 0)


def take_batch(history: History, owner: str, batch_id: str) -> StoredBatch:
    """Work on a batch of the history once more."""
    stored = history.batch(owner, batch_id)
    if stored is None:
        raise BadRequest("batch-not-in-history", batch=batch_id)
    if not history.take_batch(batch_id):
        raise BadRequest("batch-elsewhere")
    return stored


def _head(batch: BatchHead, question: Question, asked: Sequence[AnswerRequest]) -> RunHead:
    requests = tuple(replace(request, conversation=conversation_of(question)) for request in asked)
    check_requests(requests)
    return RunHead(new_batch_id(), batch.owner, batch.created, requests, batch=batch.id)


class AnswersInHistory:
    """What cannot be written now the history keeps and tries again, so asking goes on."""

    def __init__(self, history: History, owner: str, batch_id: str) -> None:
        self._history, self._owner, self._batch_id = history, owner, batch_id
        self._lock = threading.Lock()
        self._unsaved: set[tuple[str, int]] = set()

    def cells(self) -> Iterator[BatchCell]:
        for run in self._history.batch_runs(self._owner, self._batch_id):
            answers = {answer.position: answer for answer in run.answers}
            for position, request in enumerate(run.head.requests):
                yield self._cell(run.head.id, position, request, answers.get(position))

    def store(
        self, cell: BatchCell, answer: Answer, started: datetime, ended: datetime | None = None
    ) -> None:
        attempt = cell.attempt + 1
        try:
            self._history.store(cell.run_id, StoredAnswer.of(cell.position, attempt, answer, started, ended))
        except NaraniError:
            with self._lock:
                self._unsaved.add((cell.run_id, cell.position))

    def unscored(self) -> Iterator[UnscoredAnswer]:
        for run in self._history.batch_runs(self._owner, self._batch_id):
            for stored in run.answers:
                request, answer = run.head.requests[stored.position], stored.answer
                if answer is not None and lacks_score(request, answer):
                    yield UnscoredAnswer(run.head.id, request, stored, answer)

    def store_score(self, unscored: UnscoredAnswer, answer: Answer) -> None:
        with suppress(NaraniError):
            self._history.store(unscored.run_id, replace(unscored.stored, answer=answer))

    def unsaved(self) -> int:
        with self._lock:
            self._unsaved = {cell for cell in self._unsaved if self._history.unsaved(*cell)}
            return len(self._unsaved)

    def close(self) -> None:
        self._history.end_batch(self._batch_id)

    def _cell(
        self, run_id: str, position: int, request: AnswerRequest, before: StoredAnswer | None
    ) -> BatchCell:
        cell = BatchCell(request, run_id=run_id, position=position)
        if before is not None:
            failed = before.state is StoredState.FAILED
            cause = before.answer.cause if before.answer is not None else None
            answered = failed or before.state is StoredState.DONE
            cell = replace(cell, attempt=before.attempt, answered=answered, failed=failed, cause=cause)
        waits = self._history.unsaved(run_id, position)
        return replace(cell, answered=True, failed=False) if waits else cell
