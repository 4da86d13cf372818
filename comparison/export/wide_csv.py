"""The wide CSV: a row a question, a column a model.

Knows: which cell each answer of a run stands in.
Refuses to know: where rows come from, and who reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path

from comparison.export.columns import WIDE_COLUMNS
from comparison.export.csv_table import CsvTable, Kind
from comparison.export.run_rows import Rows, runs_of
from comparison.export.whole_file import whole_file
from comparison.export.wide_columns import Column, WideColumns
from history.records import FlatBatch

_ROWS_AT_ONCE = 200
_READ = (*WIDE_COLUMNS, "position", "attempt", "model", "quantization", "format", "text", "request")


def write_wide_csv(flat: Callable[[], Iterable[FlatBatch]], path: Path) -> int:
    """How many rows. `flat` is called twice, the first time to find the columns; an answer for which there
    was no column then is left out."""
    with whole_file(path) as file:
        columns = WideColumns()
        for run in runs_of(flat(), _READ):
            columns.see(run)
        titles = columns.titles()
        table = CsvTable(file, dict.fromkeys([*WIDE_COLUMNS, *titles.values()], Kind.TEXT))
        lines = (_line(run, columns.of(run), titles) for run in runs_of(flat(), _READ))
        written = 0
        while some := list(islice(lines, _ROWS_AT_ONCE)):
            written += table.append(list(zip(*some, strict=True)))
        return written


def _line(run: Rows, columns: list[Column], titles: Mapping[Column, str]) -> list[object]:
    answers = {column: row["text"] for column, row in zip(columns, run, strict=True)}
    return [*(run[0][name] for name in WIDE_COLUMNS), *(answers.get(column) for column in titles)]
