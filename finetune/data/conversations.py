"""From the texts of a row to conversations, each as its shape lays them out.

Knows: in which order people and models speak, what is taken away from published rows (and counted), what
makes a row bad.
Refuses to know: files, formats and tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

from errors import Cause
from finetune.data.messages import (
    Message,
    is_learned,
    refuse_what_is_not_text,
    said_in,
    tell_of_fields,
    text_in,
)
from finetune.data.rows import BadRow, EmptyAnswer
from finetune.data.shapes import DataShape, FieldColumns
from prompts.conversation import Conversation, Turn


@dataclass(frozen=True)
class Learnable:
    """A conversation whose last answer is learned."""

    conversation: Conversation
    not_learned: frozenset[int] = frozenset()
    """Turns, counted from 0, whose answers are only read."""


def conversations_of(row: Mapping[str, object], shape: DataShape, told: Counter[Cause]) -> list[Learnable]:
    """What is learned of one row; `told` counts what was taken away. Raises BadRow."""
    columns = shape.columns
    refuse_what_is_not_text(row, told)
    system = text_in(row, columns.system)
    if columns.talk:
        return _talk(items_in(row, columns.talk), system, told)
    if columns.turns:
        items = items_in(row, columns.turns)
        for item in items:
            tell_of_fields(item, ("question", "input", "answer"), told)
        turns = [(_turn(item, _IN_TURNS), is_learned(item)) for item in items]
        return _weighed(turns, system, told)
    if columns.instances:
        question = {columns.question: row.get(columns.question)}
        inner = FieldColumns(question=columns.question, input="input", answer="output")
        return [
            Learnable(Conversation((_turn({**item, **question}, inner),), system))
            for item in items_in(row, columns.instances)
        ]
    turn = _turn(row, columns)
    if shape.id == "kochatgpt-sft":
        turn = replace(turn, answer=without_stray_quote(turn.answer or "", told))
    return [Learnable(Conversation((turn,), system))]


_IN_TURNS = FieldColumns(question="question", input="input", answer="answer")


def _turn(row: Mapping[str, Any], columns: FieldColumns) -> Turn:
    question, answer = text_in(row, columns.question), text_in(row, columns.answer)
    if not question.strip():
        raise BadRow("cell-empty", column=columns.question)
    if not answer.strip():
        raise EmptyAnswer("cell-empty", column=columns.answer)
    return Turn(question, text_in(row, columns.input), answer)


def _talk(items: Sequence[Mapping[str, Any]], system: str, told: Counter[Cause]) -> list[Learnable]:
    said, system = begun([said_in(item, told) for item in items], system, told)
    if said and said[-1].speaker == "person":
        told[Cause("told-question-last", count=0)] += 1
        said.pop()
    if not said:
        raise BadRow("row-without-answer")
    return _weighed(answered_turns(said), system, told)


def begun(said: Sequence[Message], system: str, told: Counter[Cause]) -> tuple[list[Message], str]:
    """From the first question on, and the system text before it."""
    left = [*said]
    if left and left[0].speaker == "system":
        if system:
            raise BadRow("system-text-twice")
        system = left.pop(0).text
    if left and left[0].speaker == "model":
        told[Cause("told-answer-first", count=0)] += 1
        left.pop(0)
    return left, system


def _weighed(turns: Sequence[tuple[Turn, bool]], system: str, told: Counter[Cause]) -> list[Learnable]:
    """Up to the last answer that is learned; nothing where none is."""
    learned = [place for place, (_, is_learned) in enumerate(turns) if is_learned]
    if len(learned) < len(turns):
        told[Cause("told-weight-0", count=0)] += len(turns) - len(learned)
    if not learned:
        told[Cause("told-none-learned", count=0)] += 1
        return []
    kept = turns[: learned[-1] + 1]
    conversation = Conversation(tuple(turn for turn, _ in kept), system)
    return [Learnable(conversation, frozenset(range(len(kept))) - {*learned})]


def answered_turns(said: Sequence[Message]) -> list[tuple[Turn, bool]]:
    """Each with whether it is learned; a question that stands last has no turn."""
    for one, wanted in zip(said, cycle(("person", "model")), strict=False):
        if one.speaker == "system":
            raise BadRow("system-text-in-middle")
        if one.speaker != wanted:
            raise BadRow("speaks-twice", speaker=one.speaker)
    return [
        (_answered(question.text, answer.text), answer.is_learned)
        for question, answer in zip(said[::2], said[1::2], strict=False)
    ]


def _answered(question: str, answer: str) -> Turn:
    if not question.strip():
        raise BadRow("talk-question-empty")
    if not answer.strip():
        raise EmptyAnswer("talk-answer-empty")
    return Turn(question, answer=answer)


def items_in(row: Mapping[str, object], column: str) -> list[Mapping[str, Any]]:
    items = row.get(column)
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise BadRow("cell-not-turns", column=column)
    return items


def without_stray_quote(answer: str, told: Counter[Cause]) -> str:
    """KoChatGPT's answers have a quote at the beginning that is never closed."""
    if not answer.startswith("'") or answer.count("'") % 2 == 0:
        return answer
    told[Cause("told-lone-quote", count=0)] += 1
    return answer[1:]
