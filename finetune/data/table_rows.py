"""Records of tables: CSV with a header, and parquet.

Knows: commas and tabs, cells that do not fit their header, and reading a parquet file a batch at a time.
Refuses to know: what the columns mean, and encodings.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from errors import BadEntry
from finetune.data.rows import Record
from text_files import MAX_LINE, TextFile

_BATCH = 512

csv.field_size_limit(MAX_LINE)  # process-wide in Python; the default of 128 kB refuses long answers


def csv_header(line: str) -> list[str]:
    """The column names that a first line would give; none where it is no header of two columns or more."""
    names = next(csv.reader([line], delimiter=_delimiter(line)), [])
    return [name.strip() for name in names] if len(names) > 1 and all(map(str.strip, names)) else []


def csv_rows(file: TextFile) -> Iterator[Record]:
    delimiter = _delimiter(file.beginning().split("\n", 1)[0])
    reader = csv.reader((line for _, line in file.lines()), delimiter=delimiter, strict=True)
    header = [name.strip() for name in _next(reader, file.name) or []]
    if len(set(header)) < len(header):
        raise BadEntry(f"{file.name}: two columns have the same name: {', '.join(header)}.", file=file.name)
    begins = reader.line_num + 1
    while (cells := _next(reader, file.name)) is not None:
        if cells and len(cells) != len(header):
            yield Record(f"line {begins}", {}, f"cells: {len(cells)}, column names: {len(header)}")
        elif any(cell.strip() for cell in cells):
            yield Record(f"line {begins}", dict(zip(header, cells, strict=True)))
        begins = reader.line_num + 1


def parquet_rows(path: Path) -> Iterator[Record]:
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as table:
            for batch in table.iter_batches(_BATCH):
                for row in batch.to_pylist():
                    number += 1
                    yield Record(f"row {number}", row)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise BadEntry(
            f"{path.name} is a damaged parquet file; it cannot be read beyond row {number}.", file=path.name
        ) from error


def _next(reader: Iterator[list[str]], name: str) -> list[str] | None:
    try:
        return next(reader, None)
    except csv.Error as error:
        line = getattr(reader, "line_num", 0)
        hint = f"a quote that is not closed, or a cell of more than {MAX_LINE:,} characters"
        raise BadEntry(f"{name}, line {line}: broken CSV: {hint}.", file=name, line=line) from error


def _delimiter(line: str) -> str:
    return "\t" if "\t" in line and "," not in line else ","
