"""Where the questions of a batch come from: a file, a set that ships, or pasted lines.

A question is asked once, however often it stands there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from comparison.question_sets import read_set
from comparison.questions import Question, QuestionFile, read_questions
from errors import BadRequest

PREVIEW_ROWS = 100


@dataclass(frozen=True)
class QuestionSource:
    """One of file, set or lines; plain values, so that a preview of it can be remembered."""

    name: str
    """What the batch will be called."""
    file: str = ""
    column: str | None = None
    """None: the first that goes by a name of questions."""
    input_column: str | None = None
    """None: the first that goes by a name of inputs; empty: none."""
    set_id: str = ""
    lines: str = ""

    def read(self) -> QuestionFile:
        if self.file:
            return read_questions(Path(self.file), self.column, self.input_column)
        if self.set_id:
            return QuestionFile(read_set(self.set_id).questions, "utf-8")
        questions = _lines(self.lines)
        if not questions:
            raise BadRequest("no-question-lines")
        return QuestionFile(questions, "utf-8")


@dataclass(frozen=True)
class Preview:
    """The beginning of a source, and what was found out about all of it."""

    first: tuple[Question, ...]
    count: int
    """How many questions would be asked."""
    repeated: int
    """How many more stand there that are the same as an earlier one."""
    encoding: str


def preview(source: QuestionSource) -> Preview:
    file = source.read()
    once = without_repeats(file.questions)
    repeated = len(file.questions) - len(once)
    return Preview(once[:PREVIEW_ROWS], len(once), repeated, file.encoding)


def without_repeats(questions: Iterable[Question]) -> tuple[Question, ...]:
    """Each question once, where it stands first; another input or system text makes it another question."""
    first: dict[tuple[str, str, str], Question] = {}
    for one in questions:
        first.setdefault((one.text, one.input, one.system), one)
    return tuple(first.values())


def _lines(text: str) -> tuple[Question, ...]:
    lines = filter(None, (line.strip() for line in text.splitlines()))
    return tuple(Question(str(at), line) for at, line in enumerate(lines, start=1))
