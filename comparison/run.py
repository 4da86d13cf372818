"""One question to several models: a run and its live answers.

An answer is stored before its column counts as ended; where, is not known here. A run belongs to the
process, whoever looks on.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from time import monotonic

from engines.base import Answer, AnswerRequest, Engine, LiveAnswer
from errors import BadRequest, NaraniError
from history.records import Marks

_BROKEN = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair: what a broken byte of an argument becomes. No model can be asked it."""


@dataclass(frozen=True, eq=False)
class RunColumn:
    """One request of a run and the answer to it; asked again, it is a new column at the same position."""

    position: int
    request: AnswerRequest
    live: LiveAnswer
    attempt: int = 1
    started: datetime = field(default_factory=lambda: datetime.now(UTC))


KeepAnswer = Callable[["Run", RunColumn, Answer], Answer]
"""Stores an answer, and gives it as it was stored."""


@dataclass(eq=False)
class Run:
    """The columns side by side in the order picked."""

    columns: tuple[RunColumn, ...]
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    """Fit for an address, and not to be guessed."""
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    owner: str = ""
    previous: str | None = None
    """The run whose conversation this one goes on with."""
    kind: str = ""
    """The room whose conversation it belongs to, where that is not a plain comparison."""
    keep: KeepAnswer | None = None
    marks: Marks | None = None
    """Set since its answers ended; None: those that the answers hold."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def requests(self) -> tuple[AnswerRequest, ...]:
        return tuple(column.request for column in self.columns)

    @property
    def answers(self) -> tuple[LiveAnswer, ...]:
        return tuple(column.live for column in self.columns)

    def stop_all(self) -> None:
        for answer in self.answers:
            answer.ask_to_stop()

    @property
    def ended(self) -> bool:
        return all(answer.ended for answer in self.answers)

    def wait(self, timeout: float | None = None) -> bool:
        """Whether every column ended within `timeout` seconds."""
        until = None if timeout is None else monotonic() + timeout
        return all(
            answer.wait(None if until is None else max(0.0, until - monotonic())) for answer in self.answers
        )

    def next_attempt(self, position: int) -> RunColumn:
        """Put a new column in the place of one that has ended; whoever calls submits it."""
        with self._lock:
            before = self.columns[position]
            if not before.live.ended:
                raise BadRequest("model-still-answering")
            column = RunColumn(
                position, before.request, LiveAnswer(before.request.model_id), before.attempt + 1
            )
            self.columns = (*self.columns[:position], column, *self.columns[position + 1 :])
        if self.keep is not None:
            keep_with(self, (column,), self.keep)
        return column


def start(
    engine: Engine,
    requests: Sequence[AnswerRequest],
    keep: KeepAnswer | None = None,
    *,
    owner: str = "",
    previous: str | None = None,
    kind: str = "",
    begun: Callable[[Run], None] | None = None,
) -> Run:
    """Ask all at once. `keep(run, column, answer)` is called for each finished answer, one at a time, on a
    thread of the run; a column counts as ended when it returned, or raised (the view then says `not_kept`).
    `begun` is called before the first question leaves."""
    check_requests(requests)
    columns = tuple(
        RunColumn(position, request, LiveAnswer(request.model_id))
        for position, request in enumerate(requests)
    )
    run = Run(columns, owner=owner, previous=previous, kind=kind, keep=keep)
    if keep is not None:
        keep_with(run, columns, keep)
    if begun is not None:
        begun(run)
    for column in columns:
        submit(engine, column.request, column.live)
    return run


def submit(engine: Engine, request: AnswerRequest, live: LiveAnswer) -> None:
    """Hand a request to the engine; what it refuses on the spot fails that answer alone."""
    try:
        engine.submit(request, live)
    except NaraniError as error:
        live.fail(error, request.settings)


def check_requests(requests: Sequence[AnswerRequest]) -> None:
    """Refuse what cannot be asked at all, before anything is built or loaded for it."""
    if not requests:
        raise BadRequest("no-model-picked")
    for at, request in enumerate(requests):
        turn = request.conversation.turns[-1]
        if not turn.question.strip():
            raise BadRequest("empty-question")
        if _BROKEN.search(f"{turn.question}{turn.input}{request.conversation.system}"):
            raise BadRequest("question-broken-character")
        if request in requests[:at]:
            raise BadRequest("picked-twice", name=request.model_id, model=request.model_id)


def keep_with(run: Run, columns: Sequence[RunColumn], keep: KeepAnswer) -> None:
    """One storing thread, gone when all are stored; its pool is joined at exit, so nothing is cut off."""
    keeper = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"keep-{run.id}")
    left = list(columns)

    def store(column: RunColumn, answer: Answer) -> Answer:
        left.pop()
        try:
            return keep(run, column, answer)
        finally:
            if not left:
                keeper.shutdown(wait=False)

    def enqueue(column: RunColumn, answer: Answer) -> Future[Answer]:
        try:
            return keeper.submit(store, column, answer)
        except RuntimeError:  # the interpreter is ending and starts no threads: store it here
            return _stored_here(partial(store, column), answer)

    for column in columns:
        column.live.keep = partial(enqueue, column)


def _stored_here(store: Callable[[Answer], Answer], answer: Answer) -> Future[Answer]:
    stored: Future[Answer] = Future()
    try:
        stored.set_result(store(answer))
    except (OSError, NaraniError) as error:
        stored.set_exception(error)
    return stored
