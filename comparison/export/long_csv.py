"""The long CSV: a row an answer, every column.

Knows: how flat rows become cells.
Refuses to know: where rows come from, and who reads them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from comparison.export.columns import DECIMAL, WHOLE
from comparison.export.csv_table import CsvTable, Kind
from comparison.export.whole_file import whole_file
from history.records import FLAT_COLUMNS, FlatBatch

_KINDS = {name: Kind.WHOLE for name in WHOLE} | {name: Kind.DECIMAL for name in DECIMAL}


def write_long_csv(batches: Iterable[FlatBatch], path: Path) -> int:
    """How many rows; the file is there whole or, with a NaraniError, not at all."""
    with whole_file(path) as file:
        table = CsvTable(file, {name: _KINDS.get(name, Kind.TEXT) for name in FLAT_COLUMNS})
        return sum(table.append([batch[name] for name in FLAT_COLUMNS]) for batch in batches)
