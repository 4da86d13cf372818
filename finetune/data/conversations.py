"""From the texts of a row to conversations, each as its shape lays them out.

Knows: who speaks under which name, what is taken away from published rows (and counted), what
makes a row bad.
Refuses to know: files, formats and tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from finetune.data.columns import Columns
from finetune.data.rows import BadRow, EmptyAnswer
from finetune.data.shapes import Shape
from prompts.conversation import Conversation, Turn

STRAY_QUOTE = "a stray ' at the beginning of {count} answers was taken away"
ANSWER_FIRST = "{count} conversations begin with an answer; those answers were left out"
QUESTION_LAST = "{count} conversations end with a question; those questions were left out"

_PERSON, _MODEL, _SYSTEM = "person", "model", "system"
_SPEAKERS = {
    **dict.fromkeys(("human", "user", "person", "사람", "<사람>", "사용자"), _PERSON),
    **dict.fromkeys(("gpt", "assistant", "bot", "chatgpt", "model", "챗봇", "<챗봇>"), _MODEL),
    "system": _SYSTEM,
}
_TEXTS = ("value", "content", "markdown", "text")


def conversations_of(row: Mapping[str, object], shape: Shape, told: Counter[str]) -> list[Conversation]:
    """What is learned of one row; `told` counts what was taken away. Raises BadRow."""
    columns = shape.columns
    system = _text(row, columns.system)
    if columns.talk:
        return [_talk(_items(row, columns.talk), system, told)]
    if columns.turns:
        turns = [_turn(item, _IN_TURNS) for item in _items(row, columns.turns)]
        return [Conversation(tuple(turns), system)]
    if columns.instances:
        question = {columns.question: row.get(columns.question)}
        inner = Columns(question=columns.question, input="input", answer="output")
        return [
            Conversation((_turn({**item, **question}, inner),), system)
            for item in _items(row, columns.instances)
        ]
    turn = _turn(row, columns)
    if shape.id == "kochatgpt-sft" and _has_stray_quote(turn.answer or ""):
        told[STRAY_QUOTE] += 1
        turn = Turn(turn.question, turn.input, (turn.answer or "")[1:])
    return [Conversation((turn,), system)]


_IN_TURNS = Columns(question="question", input="input", answer="answer")


def _turn(row: Mapping[str, Any], columns: Columns) -> Turn:
    question, answer = _text(row, columns.question), _text(row, columns.answer)
    if not question.strip():
        raise BadRow(f"'{columns.question}' is empty")
    if not answer.strip():
        raise EmptyAnswer(f"'{columns.answer}' is empty")
    return Turn(question, _text(row, columns.input), answer)


def _talk(items: Sequence[Mapping[str, Any]], system: str, told: Counter[str]) -> Conversation:
    said = [_said(item) for item in items]
    if said[0][0] == _SYSTEM:
        if system:
            raise BadRow("it has a system text in a column and another in the conversation")
        system = said.pop(0)[1]
    if said and said[0][0] == _MODEL:
        told[ANSWER_FIRST] += 1
        said.pop(0)
    if said and said[-1][0] == _PERSON:
        told[QUESTION_LAST] += 1
        said.pop()
    if not said:
        raise BadRow("no question in it is answered")
    return Conversation(tuple(_pairs(said)), system)


def _pairs(said: Sequence[tuple[str, str]]) -> list[Turn]:
    expected = [_PERSON, _MODEL] * (len(said) // 2 + 1)
    for (speaker, _), wanted in zip(said, expected, strict=False):
        if speaker == _SYSTEM:
            raise BadRow("a system text stands in the middle of the conversation")
        if speaker != wanted:
            raise BadRow(f"the {speaker} speaks twice in a row")
    return [
        _answered(question, answer) for (_, question), (_, answer) in zip(said[::2], said[1::2], strict=True)
    ]


def _answered(question: str, answer: str) -> Turn:
    if not question.strip():
        raise BadRow("a question of the conversation is empty")
    if not answer.strip():
        raise EmptyAnswer("an answer of the conversation is empty")
    return Turn(question, answer=answer)


def _said(item: Mapping[str, Any]) -> tuple[str, str]:
    name = item.get("from", item.get("role"))
    if name is None:
        raise BadRow("a turn does not say who speaks (from, role)")
    speaker = _SPEAKERS.get(name.strip().casefold()) if isinstance(name, str) else None
    if speaker is None:
        raise BadRow(f"it is not known who speaks as '{name}'")
    column = next((column for column in _TEXTS if item.get(column) is not None), None)
    if column is None:
        raise BadRow(f"a turn has no text ({', '.join(_TEXTS)})")
    return speaker, _text(item, column)


def _items(row: Mapping[str, object], column: str) -> list[Mapping[str, Any]]:
    items = row.get(column)
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise BadRow(f"'{column}' is not a list of turns")
    return items


def _text(row: Mapping[str, object], column: str) -> str:
    value = row.get(column) if column else None
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise BadRow(f"'{column}' is not text")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise BadRow(f"'{column}' holds half a character")
    return value


def _has_stray_quote(answer: str) -> bool:
    """A quote at the beginning that is never closed."""
    return answer.startswith("'") and answer.count("'") % 2 == 1
