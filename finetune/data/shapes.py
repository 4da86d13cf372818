"""Which published shape a row has, told by its columns and never by a file's name.

Knows: by which names a column is known in English and in Korean data, that two columns for one thing are a
question to the person, the shapes, their names for people, and what only looks like training data.
Refuses to know: files, and the texts in the columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from finetune.data.rows import BadRow
from old_keys import new_keys
from text_rows import COLUMN_NAMES, plain_name

NAMES: dict[str, tuple[str, ...]] = {
    **COLUMN_NAMES,
    "talk": ("conversations", "messages", "<사람>/<챗봇>"),
    "turns": ("turns",),
    "instances": ("instances",),
}


@dataclass(frozen=True)
class FieldColumns:
    """Which column of a row holds what; empty where there is none."""

    question: str = ""
    input: str = ""
    answer: str = ""
    system: str = ""
    talk: str = ""
    turns: str = ""
    instances: str = ""

    def unused(self, names: Iterable[str]) -> list[str]:
        used = {self.question, self.input, self.answer, self.system, self.talk, self.turns, self.instances}
        return [name for name in names if name not in used]


def understood(names: Iterable[str]) -> FieldColumns:
    """The columns by their names, in any case; raises BadRow where two could be meant."""
    found: dict[str, list[str]] = {}
    for name in names:
        plain = plain_name(name)
        for use, known in NAMES.items():
            if plain in known:
                found.setdefault(use, []).append(name)
    for use, several in found.items():
        if len(several) > 1:
            listed = " and ".join(f"'{name}'" for name in several)
            raise BadRow("columns-for-one-use", listed=listed, use=use)
    return FieldColumns(**{use: one for use, (one,) in found.items()})


TITLES = {
    "alpaca": "Alpaca, as KoAlpaca v1.0 (instruction, input, output)",
    "koalpaca-1.1": "KoAlpaca v1.1 (instruction, output, url)",
    "kullm-v2": "KULLM v2 (id, instruction, input, output)",
    "kullm-evaluation": "KULLM evaluation set (instruction, instances)",
    "kochatgpt-sft": "KoChatGPT 1_SFT (prompt, completion, tokens)",
    "kochatgpt-talk": "KoChatGPT conversation text (<사람>, <챗봇>)",
    "sharegpt": "ShareGPT conversations",
    "messages": "Messages (role, content)",
    "question-answer": "Two columns, question and answer",
    "turns": "Turns (question, input, answer), as the demo set",
}
_EXACT = {
    frozenset({"instruction", "output", "url"}): "koalpaca-1.1",
    frozenset({"id", "instruction", "input", "output"}): "kullm-v2",
    frozenset({"prompt", "completion", "tokens"}): "kochatgpt-sft",
}
_EXPORTS = (
    {"run_id", "created", "question", "input", "system"},
    {"question_id", "finish_reason", "prompt", "quantization"},
)
"""Columns that stand together only in what Narani itself writes."""

_NOT_USED_AND_NOT_MISSED = {
    *("id", "url", "tokens", "motivation_app", "topic"),
    *("tools", "functions", "parallel_tool_calls"),  # counted where a row has any
}


@dataclass(frozen=True)
class DataShape:
    """What a row is, and which of its columns hold what."""

    id: str
    columns: FieldColumns
    unused: tuple[str, ...] = ()
    """Columns that nothing is made of, where that is worth saying."""

    def matches(self, other: DataShape) -> bool:
        """Whether a row of `other` may stand in one file with rows of this shape: an input or a system text
        may be absent, the rest has to be the same."""
        mine, theirs = self.columns, other.columns
        return (mine.question, mine.answer, mine.talk, mine.turns, mine.instances) == (
            (theirs.question, theirs.answer, theirs.talk, theirs.turns, theirs.instances)
        )


def shape_of(names: Sequence[str]) -> DataShape:
    """The shape of a row with these columns; raises BadRow with the columns found where there is none."""
    plain = {plain_name(name) for name in names}
    _refuse_what_is_no_lesson(plain)
    columns = understood(names)
    id = _id(plain, columns)
    if id is None:
        if columns.question:
            raise BadRow("answer-column-missing", wanted=NAMES["answer"][:4], found=names)
        raise BadRow("columns-unknown", found=names)
    unused = [name for name in columns.unused(names) if plain_name(name) not in _NOT_USED_AND_NOT_MISSED]
    return DataShape(id, columns, tuple(unused))


def _id(plain: set[str], columns: FieldColumns) -> str | None:
    if columns.talk:
        return {"conversations": "sharegpt", "messages": "messages"}.get(
            plain_name(columns.talk), "kochatgpt-talk"
        )
    if columns.turns:
        return "turns"
    if columns.instances and columns.question:
        return "kullm-evaluation"
    if not (columns.question and columns.answer):
        return None
    named = plain_name(columns.question), plain_name(columns.answer)
    usual = "alpaca" if named == ("instruction", "output") else "question-answer"
    return _EXACT.get(frozenset(plain), usual)


def _refuse_what_is_no_lesson(plain: set[str]) -> None:
    if any(export <= set(new_keys(plain)) for export in _EXPORTS):
        raise BadRow("data-is-export")
    if {"chosen", "rejected"} <= plain or {"completion_0", "completion_1"} <= plain:
        raise BadRow("data-is-preference")
    if "text" in plain and not any(plain & set(names) for names in NAMES.values()):
        raise BadRow("data-only-text")
