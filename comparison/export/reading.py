"""Exported files read back, row by row.

Knows: which cells are numbers, how the disarming is undone, and how a file that is none of ours is refused.
Refuses to know: what is done with the rows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from comparison.csv_cells import rearm
from comparison.export.columns import DECIMAL, MAYBE_ABSENT, WHOLE, is_long
from comparison.questions import jsonl_rows
from errors import BadEntry, BadRequest
from history.records import FLAT_COLUMNS
from old_keys import with_new_keys
from text_files import open_text

FlatRow = dict[str, object]
"""One answer by the names of FLAT_COLUMNS; moments are text in ISO 8601, as in the history."""


def read_long_csv(path: Path) -> Iterator[FlatRow]:
    """As they were written. Only an empty text is not told from nothing: in a column that may hold nothing
    it comes back as None, in the others as ''."""
    with open_text(path) as file:
        reader = csv.reader((line for _, line in file.lines(with_nul=True)), strict=True)
        try:
            if not is_long(next(reader, [])):
                raise _foreign(path, "long CSV")
            for cells in reader:
                yield _row(cells)
        except (csv.Error, ValueError) as error:
            line = reader.line_num
            raise BadEntry("export-row-unreadable", file=path.name, line=line) from error


def read_jsonl(path: Path) -> Iterator[FlatRow]:
    """As they were written, with settings and request as objects."""
    with open_text(path) as file:
        for _, row in jsonl_rows(file):
            if not is_long(tuple(row)):
                raise _foreign(path, "JSONL file")
            yield with_new_keys(row)


def _foreign(path: Path, kind: str) -> BadRequest:
    return BadRequest("export-not-ours", file=path.name, kind=kind)


def _row(cells: Sequence[str]) -> FlatRow:
    return {name: _value(name, cell) for name, cell in zip(FLAT_COLUMNS, cells, strict=True)}


def _value(name: str, cell: str) -> object:
    if name in WHOLE:
        return int(cell) if cell else None
    if name in DECIMAL:
        return float(cell) if cell else None
    return None if not cell and name in MAYBE_ABSENT else rearm(cell)
