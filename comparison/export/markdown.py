"""Markdown for a report: a section a question, in it a section a model with its settings, figures and answer;
where it was asked again, one an attempt.

Knows: that what people and models wrote stands in fences that it cannot end, so that none of it becomes
Markdown of the report.
Refuses to know: the words of a language (they are handed in), where rows come from, and who reads them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from comparison.export.shared import RunRows, are_newest, object_of, runs_of, whole_file
from engines.base import MEASURES
from history.records import FLAT_COLUMNS, FlatBatch

_LEFT_OUT = ("answering_seconds", "peak_bytes", "step_bytes")
"""Measures that a report has no use for: tokens a second tell the first, the others are the engine's."""


@dataclass(frozen=True)
class ExtrasText:
    """What other rooms say of their extras in a report; empty where they have nothing to say."""

    of_question: Callable[[Mapping[str, object]], str] = lambda extras: ""
    """It stands in place of the input, which such a room has made."""
    of_answer: Callable[[Mapping[str, object]], str] = lambda extras: ""
    """It stands below the answer."""


NOTHING_SAID = ExtrasText()


def write_markdown(
    batches: Iterable[FlatBatch],
    path: Path,
    words: Mapping[str, str],
    extras: ExtrasText = NOTHING_SAID,
) -> int:
    """How many answers; the file is there whole or, with a NaraniError, not at all."""
    answers = 0
    with whole_file(path) as file:
        file.write(f"# {words['title']}\n".encode())
        for number, rows in enumerate(runs_of(batches, FLAT_COLUMNS), start=1):
            text = "\n".join(_question(number, rows, words, extras))
            file.write(text.encode("utf-8", "replace"))  # half a character cannot be written
            answers += len(rows)
    return answers


def _question(number: int, rows: RunRows, words: Mapping[str, str], extras: ExtrasText) -> Iterator[str]:
    first = rows[0]
    moment = datetime.fromisoformat(str(first["created"]))
    yield f"\n## {words['question'].format(number=number)}\n\n{moment:%Y-%m-%d %H:%M} UTC\n"
    yield _fenced(str(first["question"]))
    made_of = (object_of(first["request"]) or {}).get("extras")
    told = extras.of_question(made_of) if isinstance(made_of, dict) else ""
    if told:
        yield _fenced(told)
    for name in ("input", "system"):
        if first[name] and not (told and name == "input"):
            yield f"{words[name]}:\n\n{_fenced(str(first[name]))}"
    for row, newest in zip(rows, are_newest(rows), strict=True):
        yield from _answer(row, words, "" if newest and row["attempt"] == 1 else str(row["attempt"]))
        if told := extras.of_answer(object_of(row["extras"]) or {}):
            yield _fenced(told)


def _answer(row: Mapping[str, object], words: Mapping[str, str], attempt: str) -> Iterator[str]:
    nth = f" · {words['attempt'].format(attempt=attempt)}" if attempt else ""
    yield f"### {_code(str(row['model']))}{nth}\n"
    how = {name: row[name] for name in ("revision", "quantization", "format") if row[name]}
    yield f"- {words['settings']}: {_code(_listed(how | (object_of(row['settings']) or {})))}"
    figures = {name: row[name] for name in MEASURES if row[name] is not None and name not in _LEFT_OUT}
    ended = {"finish_reason": row["finish_reason"] or row["state"]}
    yield f"- {words['measures']}: {_code(_listed(ended | figures))}"
    if found := [*(words[value] for value in str(row["mark"] or "").split(", ") if value), *_note(row)]:
        yield f"- {words['mark']}: {', '.join(found)}"
    if lenders := _lenders(row):
        yield f"- {words['took_over']}: {', '.join(map(_code, lenders))}"
    yield ""
    if row["error"]:
        yield f"{words['error']}:\n\n{_fenced(str(row['error']))}"
    if row["thinking"]:
        yield f"{words['thinking']}:\n\n{_fenced(str(row['thinking']))}"
    if row["text"]:
        yield _fenced(str(row["text"]))
    elif not row["error"]:
        yield f"{words['empty']}\n"


def _note(row: Mapping[str, object]) -> list[str]:
    return [_code(str(row["note"]))] if row["note"] else []


def _lenders(row: Mapping[str, object]) -> list[str]:
    """Whose answers this model was shown for questions that it was not asked itself."""
    conversation = (object_of(row["request"]) or {}).get("conversation")
    turns = conversation.get("turns", []) if isinstance(conversation, dict) else []
    return list(dict.fromkeys(turn["answered_by"] for turn in turns if turn.get("answered_by")))


def _listed(values: Mapping[str, object]) -> str:
    """Numbers in as many digits as a report needs."""
    texts = {name: f"{value:.4g}" if isinstance(value, float) else value for name, value in values.items()}
    return ", ".join(f"{name}={value}" for name, value in texts.items() if value not in ("", []))


def _code(text: str) -> str:
    """In one line; a code span ends only at as many backticks as it began with."""
    ticks = "`" * (_longest_ticks(text) + 1)
    room = " " if text[:1] in ("`", " ") or text[-1:] in ("`", " ") else ""
    line = re.sub(r"[\r\n]+", " ", text)
    return f"{ticks}{room}{line}{room}{ticks}"


def _fenced(text: str) -> str:
    """A fence ends only at one that is at least as long."""
    fence = "`" * max(3, _longest_ticks(text) + 1)
    text = re.sub("\r\n?", "\n", text)  # Markdown knows one kind of line end
    return f"{fence}text\n{text}\n{fence}\n"


def _longest_ticks(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
