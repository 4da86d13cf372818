"""Which published shape a row has, told by its columns and never by a file's name.

Knows: by which names a column is known in English and in Korean data, that two columns for one thing are a
question to the person, the shapes, their names for people, and what only looks like training data.
Refuses to know: files, and the texts in the columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from finetune.data.rows import BadRow
from finetune.examples import Use
from old_keys import new_keys
from text_rows import COLUMN_NAMES, plain_name

_MOST_RANKED = 16
NAMES: dict[str, tuple[str, ...]] = {
    **COLUMN_NAMES,
    "talk": ("conversations", "messages", "<사람>/<챗봇>"),
    "turns": ("turns",),
    "instances": ("instances",),
    "chosen": ("chosen",),
    "rejected": ("rejected",),
    "completions": tuple(f"completion_{number}" for number in range(_MOST_RANKED)),
    "ranking": ("ranking",),
    "label": ("label",),
    "expected": ("expected",),
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
    chosen: str = ""
    rejected: str = ""
    completions: tuple[str, ...] = ()
    """Several answers to one question, which `ranking` puts in order."""
    ranking: str = ""
    label: str = ""
    expected: str = ""

    def unused(self, names: Iterable[str]) -> list[str]:
        ones = {getattr(self, field.name) for field in fields(self) if field.name != "completions"}
        return [name for name in names if name not in ones | {*self.completions}]


def understood(names: Iterable[str]) -> FieldColumns:
    """The columns by their names, in any case; raises BadRow where two could be meant."""
    found: dict[str, list[str]] = {}
    for name in names:
        plain = plain_name(name)
        for use, known in NAMES.items():
            if plain in known:
                found.setdefault(use, []).append(name)
    completions = tuple(sorted(found.pop("completions", []), key=lambda name: int(name.split("_")[1])))
    for use, several in found.items():
        if len(several) > 1:
            listed = " and ".join(f"'{name}'" for name in several)
            raise BadRow("columns-for-one-use", listed=listed, use=use)
    return FieldColumns(**{use: one for use, (one,) in found.items()}, completions=completions)


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
    "pairs": "Preference pairs (prompt, chosen, rejected)",
    "kochatgpt-rm": "KoChatGPT 2_RM (prompt, completion_0 and more, ranking)",
    "labeled": "Answers found good or bad (prompt, completion, label)",
    "prompts": "Questions without answers (prompt), as KoChatGPT 3_PPO",
}
_USES: dict[str, Use] = {
    "pairs": "pairs",
    "kochatgpt-rm": "pairs",
    "labeled": "labeled",
    "prompts": "prompts",
}
"""Of the shapes that are not questions with their answers."""
_ASKED = {"question", "input", "system"}
_READ: dict[Use, set[str]] = {
    "examples": {*_ASKED, "answer", "talk", "turns", "instances"},
    "pairs": {*_ASKED, "chosen", "rejected", "completions", "ranking"},
    "labeled": {*_ASKED, "answer", "talk", "label"},
    "prompts": {*_ASKED, "expected"},
}
"""The columns that something is made of."""
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

    @property
    def use(self) -> Use:
        return _USES.get(self.id, "examples")

    def matches(self, other: DataShape) -> bool:
        """Whether a row of `other` may stand in one file with rows of this shape: an input, a system text or
        what is expected may be absent, the rest has to be the same."""
        return self.use == other.use and _needed(self.columns) == _needed(other.columns)


def _needed(columns: FieldColumns) -> FieldColumns:
    return replace(columns, input="", system="", expected="")


def shape_of(
    names: Sequence[str], row: Mapping[str, object] | None = None, wanted: Use | None = None
) -> DataShape:
    """The shape of a row with these columns; raises BadRow with the columns found where there is none.

    A column `label` may mean a thumb or a topic: the row's own, and what is wanted of it, decide."""
    plain = {plain_name(name) for name in names}
    _refuse_what_is_no_lesson(plain)
    columns = understood(names)
    id = _judged(columns, names) or _answered(plain, columns)
    if id is None:
        raise BadRow("columns-unknown", found=names)
    if columns.label and id not in _USES and (wanted == "labeled" or _is_thumb(plain, columns, row or {})):
        id = "labeled"
    kept = _READ[_USES.get(id, "examples")]
    read = FieldColumns(
        **{field.name: getattr(columns, field.name) for field in fields(columns) if field.name in kept}
    )
    unused = [name for name in read.unused(names) if plain_name(name) not in _NOT_USED_AND_NOT_MISSED]
    return DataShape(id, read, tuple(unused))


def _judged(columns: FieldColumns, names: Sequence[str]) -> str | None:
    if columns.chosen and columns.rejected:
        return "pairs"
    if len(columns.completions) < 2:
        return None
    if not (columns.ranking and columns.question):
        raise BadRow("ranking-column-missing", found=names)
    return "kochatgpt-rm"


def _answered(plain: set[str], columns: FieldColumns) -> str | None:
    if columns.talk:
        return {"conversations": "sharegpt", "messages": "messages"}.get(
            plain_name(columns.talk), "kochatgpt-talk"
        )
    if columns.turns:
        return "turns"
    if columns.instances and columns.question:
        return "kullm-evaluation"
    if columns.question and not columns.answer:
        return "prompts"
    if not columns.question:
        return None
    named = plain_name(columns.question), plain_name(columns.answer)
    usual = "alpaca" if named == ("instruction", "output") else "question-answer"
    return _EXACT.get(frozenset(plain), usual)


def _is_thumb(plain: set[str], columns: FieldColumns, row: Mapping[str, object]) -> bool:
    label = row.get(columns.label)
    said = isinstance(label, bool) or (
        isinstance(label, str) and label.strip().casefold() in ("true", "false")
    )
    return said or {"prompt", "completion", "label"} <= plain


def _refuse_what_is_no_lesson(plain: set[str]) -> None:
    if any(export <= set(new_keys(plain)) for export in _EXPORTS):
        raise BadRow("data-is-export")
    known = (names for use, names in NAMES.items() if use not in ("label", "ranking", "expected"))
    if "text" in plain and not any(plain & set(names) for names in known):
        raise BadRow("data-only-text")
