"""A run on its way into the history: how it begins, and what becomes of an answer that ended.

Knows: what of a run is kept, and that a failure of the process is no answer.
Refuses to know: who asked, and when something is written.
"""

from __future__ import annotations

from datetime import UTC, datetime

from comparison.run import Run, RunColumn
from engines.base import Answer, FinishReason
from errors import EngineDown
from history.history import History
from history.records import RunHead, StoredAnswer, StoredState

_STATES = {FinishReason.FAILED: StoredState.FAILED, FinishReason.STOPPED: StoredState.STOPPED}


def head_of(run: Run) -> RunHead:
    return RunHead(run.id, run.owner, run.created, run.requests, run.previous)


def ended(column: RunColumn, answer: Answer) -> StoredAnswer:
    state = _STATES.get(answer.finish_reason, StoredState.DONE)
    kept: Answer | None = answer
    if answer.error_code == EngineDown.category:
        state, kept = StoredState.INTERRUPTED, answer if answer.text else None
    return StoredAnswer(column.position, column.attempt, state, kept, column.started, datetime.now(UTC))


def keep_whole(history: History, run: Run) -> None:
    """A run that is over; raises NaraniError where it cannot be kept."""
    history.begin(head_of(run))
    for column in run.columns:
        answer = column.live.view().answer
        if answer is not None:
            history.store(run.id, ended(column, answer))
