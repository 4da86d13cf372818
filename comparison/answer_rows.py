"""One row of an answer file, as a value and as bytes.

Knows: the columns, and how a row becomes a line of CSV and comes back the same.
Refuses to know: files, locks, and what the answers are for.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from comparison.csv_cells import disarm, rearm

LINE_END = b"\r\n"

Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class AnswerRow:
    """One answer of one model to one question; the fields are the columns, in this order."""

    question_id: str
    question: str
    input: str
    system: str
    model: str
    text: str
    finish_reason: str
    error: str
    prompt: str
    revision: str
    quantization: str
    format: str
    settings: str
    """What was asked for, as JSON; equal text means asked the same way."""
    attempt: int
    tokens_in: int | None
    tokens_out: int
    load_seconds: float | None
    seconds_to_first_text: float | None
    answering_seconds: float | None
    tokens_per_second: float | None
    characters_per_second: float | None
    peak_bytes: int | None
    started: str
    """ISO 8601 with the time zone, as is `ended`."""
    ended: str

    @property
    def key(self) -> Key:
        """What was asked of whom; of several rows with one key the last in the file counts."""
        return self.question, self.input, self.system, self.model

    @property
    def failed(self) -> bool:
        return self.finish_reason == "failed"


COLUMNS = tuple(column.name for column in fields(AnswerRow))
_WHOLE = frozenset({"attempt", "tokens_in", "tokens_out", "peak_bytes"})
_DECIMAL = frozenset(name for name in COLUMNS if name.endswith("_seconds") or "second" in name)


def encode(row: AnswerRow) -> bytes:
    return encode_cells(asdict(row).values())


def encode_cells(cells: Iterable[object]) -> bytes:
    """Text quoted and disarmed, numbers bare, what is absent an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator=LINE_END.decode())
    writer.writerow([disarm(cell) if isinstance(cell, str) else cell for cell in cells])
    return text.getvalue().encode("utf-8", "replace")


def decode(cells: Sequence[str]) -> AnswerRow:
    """The row again; ValueError where the cells are not one."""
    return AnswerRow(**{name: _value(name, cell) for name, cell in zip(COLUMNS, cells, strict=True)})


def newest(rows: Iterable[AnswerRow]) -> dict[Key, AnswerRow]:
    """The row that counts for each key, in the order in which the keys first came."""
    return {row.key: row for row in rows}


def _value(name: str, cell: str) -> Any:
    if name in _WHOLE:
        return int(cell) if cell else None
    if name in _DECIMAL:
        return float(cell) if cell else None
    return rearm(cell)
