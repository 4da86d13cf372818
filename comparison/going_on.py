"""What each model is shown of the conversation so far when a following question is asked.

A model sees its own earlier answers, and of the questions it was not asked those of another, marked with
whose they are; or all see the conversation of one answer that a person picked. A question that got no answer
is left out, since no format can show one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from comparison.turns import ColumnPicture, TurnPicture
from engines.base import FinishReason
from errors import BadRequest
from prompts.conversation import Conversation, Turn


@dataclass(frozen=True)
class PickedAnswer:
    """The attempt at an answer whose conversation becomes everybody's."""

    run_id: str
    position: int
    attempt: int


def going_on_from(
    column: ColumnPicture, models: Sequence[str], asked: Turn, system: str = ""
) -> dict[str, Conversation]:
    """All are shown the conversation of one column. To whoever said a part of it, that part is its own."""
    if not answered(column):
        raise BadRequest("answer-not-picked")
    said = _lent(_told(column), column)
    return {
        model_id: Conversation((*(_seen_by(model_id, turn) for turn in said), asked), system)
        for model_id in models
    }


def gone_on_with(before: TurnPicture, now: TurnPicture) -> dict[str, str]:
    """By model the answer to the question before that some model was shown when the next one was asked."""
    told: dict[str, str] = {}
    for column in now.columns:
        *earlier, _ = column.request.conversation.turns
        if earlier and earlier[-1].question == before.question and earlier[-1].answer:
            told[earlier[-1].answered_by or column.request.model_id] = earlier[-1].answer
    return told


def _seen_by(model_id: str, turn: Turn) -> Turn:
    return replace(turn, answered_by="") if turn.answered_by == model_id else turn


def going_on(
    turns: Sequence[TurnPicture],
    models: Sequence[str],
    asked: Turn,
    *,
    system: str = "",
    lender: int | None = None,
) -> dict[str, Conversation]:
    """`turns` is the whole conversation, oldest first. Whoever was not asked before takes over the answers of
    the column of the last turn that `lender` names, else of the first one that has an answer."""
    if not turns[-1].ended:
        raise BadRequest("models-still-answering")
    lending = _lending(turns[-1], lender)
    return {
        model_id: Conversation((*_so_far(turns, model_id, lending), asked), system) for model_id in models
    }


def _so_far(turns: Sequence[TurnPicture], model_id: str, lending: ColumnPicture) -> tuple[Turn, ...]:
    for at in reversed(range(len(turns))):
        own = _column_of(turns[at], model_id)
        if own is not None:
            missed = [_missed(turn, lending.request.model_id) for turn in turns[at + 1 :]]
            return (*_told(own), *(turn for turns_of_one in missed for turn in turns_of_one))
    return _lent(_told(lending), lending)


def _missed(turn: TurnPicture, lender: str) -> tuple[Turn, ...]:
    """The question and another's answer to it; nothing where nobody answered."""
    theirs = _column_of(turn, lender)
    column = theirs if theirs is not None and answered(theirs) else _lending(turn, None)
    return _lent(_told(column)[-1:], column) if answered(column) else ()


def _told(column: ColumnPicture) -> tuple[Turn, ...]:
    """All that a column was shown and said."""
    *before, asked = column.request.conversation.turns
    return (*before, replace(asked, answer=column.said)) if answered(column) else tuple(before)


def _lent(turns: Sequence[Turn], column: ColumnPicture) -> tuple[Turn, ...]:
    return tuple(replace(turn, answered_by=turn.answered_by or column.request.model_id) for turn in turns)


def _lending(turn: TurnPicture, position: int | None) -> ColumnPicture:
    there = [column for column in turn.columns if answered(column)]
    named = (column for column in there if column.position == position)
    return next(named, (there or turn.columns)[0])


def answered(column: ColumnPicture) -> bool:
    """Whether there is a text that a conversation can go on with."""
    answer = column.answer
    return answer is not None and bool(column.said) and answer.finish_reason is not FinishReason.FAILED


def _column_of(turn: TurnPicture, model_id: str) -> ColumnPicture | None:
    return next((column for column in turn.columns if column.request.model_id == model_id), None)
