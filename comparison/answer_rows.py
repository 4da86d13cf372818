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
from engines.base import MEASURES, Measures
from old_keys import new_keys

LINE_END = b"\r\n"

Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class AnswerRow:
    """One answer of one model to one question; its fields and measures are the columns, in this order."""

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
    measures: Measures
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


COLUMNS: tuple[str, ...] = tuple(
    name for field in fields(AnswerRow) for name in (MEASURES if field.name == "measures" else (field.name,))
)
_MAY_LACK = {**MEASURES, "attempt": int}


def columns_of(header: Sequence[str]) -> tuple[str, ...] | None:
    """The columns of an answer file that begins so, None where it is none. One that was begun under old keys,
    or before there was some measure, goes on as it is."""
    found = set(new_keys(header))
    return tuple(header) if set(COLUMNS) - set(MEASURES) <= found <= set(COLUMNS) else None


def encode(row: AnswerRow, columns: Sequence[str] = COLUMNS) -> bytes:
    values = asdict(row)
    values |= values.pop("measures")
    return encode_cells(values[name] for name in new_keys(columns))


def encode_cells(cells: Iterable[object]) -> bytes:
    """Text quoted and disarmed, numbers bare, what is absent an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator=LINE_END.decode())
    writer.writerow([disarm(cell) if isinstance(cell, str) else cell for cell in cells])
    return text.getvalue().encode("utf-8", "replace")


def decode(cells: Sequence[str], columns: Sequence[str] = COLUMNS) -> AnswerRow:
    """The row again; ValueError where the cells are not one."""
    values = {name: _value(name, cell) for name, cell in zip(new_keys(columns), cells, strict=True)}
    measures = {name: values.pop(name) for name in MEASURES if name in values}
    return AnswerRow(**values, measures=Measures(**measures))


def newest(rows: Iterable[AnswerRow]) -> dict[Key, AnswerRow]:
    """The row that counts for each key, in the order in which the keys first came."""
    return {row.key: row for row in rows}


def _value(name: str, cell: str) -> Any:
    kind = _MAY_LACK.get(name)
    if kind is not None and not cell:
        return None
    return rearm(cell) if kind in (None, str) else kind(cell)
