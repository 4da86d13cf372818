"""Which cells of a batch are still to be asked, and what a finished one looks like in the answer file.

Knows: when a stored answer is the answer to a cell, and when a file was asked in another way.
Refuses to know: engines at work, and how rows lie on disk.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from comparison.answer_rows import AnswerRow, Key, never_asked
from comparison.questions import Question
from engines.base import Answer, AnswerRequest
from errors import BadEntry, BadRequest
from old_keys import with_new_keys


@dataclass(frozen=True)
class Cell:
    """One question to one model."""

    question: Question
    request: AnswerRequest
    attempt: int = 1

    @property
    def key(self) -> Key:
        return self.question.text, self.question.input, self.question.system, self.request.model_id


def still_to_ask(
    cells: Iterable[Cell], rows: Mapping[Key, AnswerRow], file_name: str, retry_failed: bool
) -> list[Cell]:
    """The cells that have no answer yet, each once however often the file repeats the question."""
    left: dict[Key, Cell] = {}
    for cell in cells:
        row = rows.get(cell.key)
        if row is None:
            left.setdefault(cell.key, cell)
            continue
        _check_same_way(row, cell, file_name)
        if row.failed and (retry_failed or never_asked(row.error)):
            left.setdefault(cell.key, Cell(cell.question, cell.request, row.attempt + 1))
    return list(left.values())


def answer_row(cell: Cell, answer: Answer, asked_at: datetime) -> AnswerRow:
    return AnswerRow(
        question_id=cell.question.id,
        question=cell.question.text,
        input=cell.question.input,
        system=cell.question.system,
        model=answer.model_id,
        text=answer.text,
        finish_reason=str(answer.finish_reason),
        error=answer.error or "",
        prompt=answer.prompt,
        revision=answer.revision or "",
        quantization=answer.quantization,
        format=answer.format_id,
        settings=_way(cell.request),
        attempt=cell.attempt,
        **asdict(answer.measures),
        started=asked_at.isoformat(timespec="milliseconds"),
        ended=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )


def _way(request: AnswerRequest) -> str:
    """How a request asks, as text that is equal when the way is."""
    way = {
        **asdict(request.settings),
        "format": request.format_id,
        "quantization": request.quantization,
        "thinking": request.thinking,
        "reproducible": request.reproducible,
    }
    return json.dumps(way, ensure_ascii=False)


def _check_same_way(row: AnswerRow, cell: Cell, file_name: str) -> None:
    if row.settings == _way(cell.request):
        return
    before, now = _way_before(row, file_name), json.loads(_way(cell.request))
    changes = [
        f"{name} was {before.get(name)}, now {now[name]}" for name in now if before.get(name) != now[name]
    ]
    if not changes:
        return
    raise BadRequest("answers-asked-otherwise", file=file_name, model=row.model, changes=changes)


def _way_before(row: AnswerRow, file_name: str) -> dict[str, Any]:
    try:
        before = json.loads(row.settings)
    except (ValueError, RecursionError):
        before = None
    if isinstance(before, dict):
        return with_new_keys(before)
    raise BadEntry("answers-settings-changed", file=file_name, question=row.question_id, model=row.model)
