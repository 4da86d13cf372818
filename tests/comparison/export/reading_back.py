"""Exported files read back, for tests and benchmarks of what writes them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from comparison.csv_cells import rearm
from engines.base import MEASURES
from history.records import FLAT_COLUMNS

_FIGURES = {name: kind for name, kind in MEASURES.items() if kind is not str}
NUMBERS = {"turn": int, "position": int, "attempt": int, **_FIGURES}
LONG_COLUMNS = FLAT_COLUMNS[:-1]
"""Without the extras, which are a column each."""
_MAYBE_ABSENT = frozenset(
    {"batch", "previous", "mark", "note", "finish_reason", "error", "revision", "step", "started", "ended"}
)


def read_long_csv(path: Path) -> Iterator[dict[str, object]]:
    """As they were written. Only an empty text is not told from nothing: in a column that may hold nothing it
    comes back as None, in the others as ''."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        header = next(reader)
        assert tuple(header[: len(LONG_COLUMNS)]) == LONG_COLUMNS
        for cells in reader:
            row = {name: _value(name, cell) for name, cell in zip(header, cells, strict=True)}
            names = header[len(LONG_COLUMNS) :]
            added = {name.removeprefix("extras."): row.pop(name) for name in names}
            extras = {name: json.loads(str(text)) for name, text in added.items() if text}
            yield row | {"extras": json.dumps(extras, ensure_ascii=False) if extras else None}


def read_jsonl(path: Path) -> Iterator[dict[str, object]]:
    """As they were written, with settings, request and extras as objects."""
    for line in path.read_bytes().removesuffix(b"\n").split(b"\n"):
        row = json.loads(line)
        assert tuple(row) == FLAT_COLUMNS
        yield row


def _value(name: str, cell: str) -> object:
    if (number := NUMBERS.get(name)) is not None:
        return number(cell) if cell else None
    return None if not cell and name in _MAYBE_ABSENT else rearm(cell)
