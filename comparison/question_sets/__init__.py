"""Question sets that ship: everyday matters, reasoning, writing.

Some questions have an expected answer, where there is exactly one. What a set is called stands with the
texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from comparison.questions import Question, jsonl_rows
from text_files import open_text

SETS = ("everyday", "reasoning", "writing")
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class QuestionSet:
    """One set, its questions in their order."""

    id: str
    questions: tuple[Question, ...]
    expected: Mapping[str, str]
    """What a right answer holds, by the id of the question."""


@cache
def read_set(set_id: str) -> QuestionSet:
    with open_text(_FOLDER / f"{set_id}.jsonl") as file:
        rows = [{name: str(value) for name, value in row.items()} for _, row in jsonl_rows(file)]
    questions = tuple(Question(row["id"], row["question"], row.get("input", "")) for row in rows)
    expected = {row["id"]: row["expected"] for row in rows if "expected" in row}
    return QuestionSet(set_id, questions, expected)


@cache
def expected_answers() -> Mapping[tuple[str, str], str]:
    """What is expected, by question and input, so that a stored answer finds it."""
    sets = [read_set(set_id) for set_id in SETS]
    return {
        (question.text, question.input): each.expected[question.id]
        for each in sets
        for question in each.questions
        if question.id in each.expected
    }
