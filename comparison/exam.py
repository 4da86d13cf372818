"""Questions with known answers, and how many of them come back to the letter.

Knows: the rows of such a file, and when an answer is exact.
Refuses to know: models, formats and engines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comparison.questions import jsonl_rows
from errors import BadEntry
from prompts.conversation import Conversation
from text_files import open_text

_MANNERS = ("answer", "banmal")
"""The answers that count as exact: polite, and the same among friends."""


@dataclass(frozen=True)
class ExamQuestion:
    """What is asked, and every text that is an exact answer."""

    conversation: Conversation
    answers: frozenset[str]

    def is_exact(self, text: str) -> bool:
        return text.strip() in self.answers


def read_exam(path: Path) -> list[ExamQuestion]:
    """The first question of each row: `turns` as in the demo set, or `question`, `input` and `answer`."""
    with open_text(path) as file:
        exam = [_question(row, f"{file.name}, line {number}") for number, row in jsonl_rows(file)]
    if not exam:
        raise BadEntry(f"{path.name} holds no questions.", file=path.name)
    return exam


def _question(row: Mapping[str, Any], where: str) -> ExamQuestion:
    try:
        turn = row["turns"][0] if "turns" in row else row
        conversation = Conversation.ask(_text(turn["question"]), _text(turn.get("input", "")))
        _text(turn["answer"])
        answers = frozenset(_text(turn[manner]).strip() for manner in _MANNERS if turn.get(manner))
    except (KeyError, IndexError, TypeError, AttributeError):
        raise BadEntry(f"{where}: needs a question and its answer, both text.", where=where) from None
    return ExamQuestion(conversation, answers)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
