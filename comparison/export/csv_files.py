"""A table on its way into a CSV file, a column at a time; and the long CSV, with every column of each answer.

Knows: text quoted and disarmed, numbers bare, nothing as an empty cell, the mark that makes a spreadsheet
read Hangul; and that doing it by columns takes a fraction of the time of doing it by rows.
Refuses to know: where rows come from, and who reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from comparison.csv_cells import FORMULA_STARTS
from comparison.export.shared import extras_of, thinking_apart, whole_file
from engines.base import MEASURES
from history.records import FLAT_COLUMNS, FlatBatch


class CsvType(Enum):
    TEXT = pa.large_string()
    WHOLE = pa.int64()
    DECIMAL = pa.float64()


_HOW = csv.WriteOptions(include_header=False, eol="\r\n")
_STARTS = pa.array(sorted(FORMULA_STARTS), CsvType.TEXT.value)
_QUOTE, _NOTHING = pa.scalar("'", CsvType.TEXT.value), pa.scalar("", CsvType.TEXT.value)
_NUMBERS = {"turn": int, "position": int, "attempt": int, **MEASURES}
_LONG_TYPES = {
    name: {int: CsvType.WHOLE, float: CsvType.DECIMAL}.get(_NUMBERS.get(name, str), CsvType.TEXT)
    for name in FLAT_COLUMNS
    if name != "extras"
}


def write_long_csv(flat: Callable[[], Iterable[FlatBatch]], path: Path) -> int:
    """How many rows; the file is there whole or, with a NaraniError, not at all. Each name among the
    extras is a column behind the others; where there is one, `flat` is called again with all known."""
    known: dict[str, None] = {}
    while True:
        found = dict(known)
        with whole_file(path) as file:
            rows = _write_long(flat(), file, known, found)
        if len(found) == len(known):
            return rows
        known = found


def _write_long(
    batches: Iterable[FlatBatch], file: BinaryIO, known: Iterable[str], found: dict[str, None]
) -> int:
    table = CsvTable(file, _LONG_TYPES | dict.fromkeys(known, CsvType.TEXT))
    rows = 0
    for batch in map(thinking_apart, batches):
        # Most batches have none, and a hundred thousand rows are not asked one by one for them.
        there = known or any(batch["extras"]) or any(batch["thinking"])
        extras = list(map(_beside, batch["thinking"], batch["extras"])) if there else []
        found.update(dict.fromkeys(name for each in extras for name in each))
        added = [[each.get(name) for each in extras] for name in known]
        rows += table.append([*(batch[name] for name in _LONG_TYPES), *added])
    return rows


def _beside(thinking: object, extras: object) -> dict[str, str]:
    """What an answer has beside its text, by the name of its column: its thinking, and its extras."""
    thought = {"thinking": str(thinking)} if thinking else {}
    return thought | {f"extras.{name}": value for name, value in extras_of(extras).items()}


class CsvTable:
    """Rows are appended some at a time; memory holds only those."""

    def __init__(self, file: BinaryIO, types: Mapping[str, CsvType]) -> None:
        file.write("\ufeff".encode())
        self._file = file
        self._append([[name] for name in types], [CsvType.TEXT] * len(types))
        self._types = tuple(types.values())

    def append(self, columns: Sequence[Sequence[object]]) -> int:
        """How many rows they were."""
        self._append(columns, self._types)
        return len(columns[0])

    def _append(self, columns: Sequence[Sequence[object]], types: Sequence[CsvType]) -> None:
        arrays = [_array(column, csv_type) for column, csv_type in zip(columns, types, strict=True)]
        names = [str(number) for number in range(len(arrays))]
        csv.write_csv(pa.record_batch(arrays, names=names), self._file, _HOW)


def _array(values: Sequence[object], csv_type: CsvType) -> pa.Array:
    return _disarmed(_texts(values)) if csv_type is CsvType.TEXT else pa.array(values, csv_type.value)


def _disarmed(texts: pa.Array) -> pa.Array:
    """comparison.csv_cells.disarm for a whole column."""
    dangerous = pc.is_in(pc.utf8_slice_codeunits(texts, 0, 1), value_set=_STARTS)
    if not dangerous.true_count:
        return texts
    return pc.binary_join_element_wise(pc.if_else(dangerous, _QUOTE, _NOTHING), texts, _NOTHING)


def _texts(values: Sequence[object]) -> pa.Array:
    try:
        return pa.array(values, CsvType.TEXT.value)
    except UnicodeEncodeError:
        return pa.array(list(map(_whole_characters, values)), CsvType.TEXT.value)


def _whole_characters(value: object) -> object:
    """Half a character cannot be written in UTF-8."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
