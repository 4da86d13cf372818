"""Rows of the text files that people have, CSV with a header or a JSON object a line, for questions and
training data alike.

Knows: by which names a column is known in English and Korean files, and why a row cannot be read.
Refuses to know: what is made of a row, and whether one that cannot be read ends the reading.
"""

from __future__ import annotations

import csv
import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from errors import BadEntry, Cause
from text_files import MAX_LINE, TextFile

COLUMN_NAMES: dict[str, tuple[str, ...]] = {
    "question": ("question", "instruction", "prompt", "질문", "명령어", "지시문", "지시"),
    "input": ("input", "context", "입력", "맥락"),
    "answer": ("output", "answer", "completion", "response", "답변", "응답", "출력", "대답", "답"),
    "system": ("system", "system_prompt", "시스템"),
}
"""The names of a column for each use, to be compared as `plain_name` gives them."""

NOT_AN_OBJECT = Cause("not-an-object")

csv.field_size_limit(MAX_LINE)  # process-wide in Python; the default of 128 kB refuses long answers


@dataclass(frozen=True)
class TextRow:
    """One row of a file, its columns not yet understood."""

    line: int
    """The line it begins on."""
    cells: Mapping[str, object]
    fault: Cause | None = None
    """Why it could not be read; `cells` is empty then."""


def plain_name(name: str) -> str:
    """As compared: without case and outer spaces, Hangul in whole syllables (macOS writes it in letters)."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def json_line_rows(file: TextFile) -> Iterator[TextRow]:
    """One object a line; empty lines are passed over."""
    for number, line in file.lines():
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            yield TextRow(number, row) if isinstance(row, dict) else TextRow(number, {}, NOT_AN_OBJECT)


def csv_header(file: TextFile) -> list[str]:
    """The column names in the first line; to be asked before anything of the file is read."""
    line = _first_line(file)
    return [name.strip() for name in next(csv.reader([line], delimiter=_delimiter(line)), [])]


def csv_rows(file: TextFile, *, with_nul: bool = False) -> Iterator[TextRow]:
    """Cells between commas, or between tabs where the header has none. `with_nul`: a cell may hold one."""
    delimiter = _delimiter(_first_line(file))
    lines = (line for _, line in file.lines(with_nul=with_nul))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header = [name.strip() for name in _next_row(reader, file.name) or []]
    if len(set(header)) < len(header):
        raise BadEntry("same-columns", file=file.name, names=header)
    begins = reader.line_num + 1
    while (cells := _next_row(reader, file.name)) is not None:
        if cells and len(cells) != len(header):
            yield TextRow(begins, {}, Cause("cells-missing", cells=len(cells), names=len(header)))
        elif any(cell.strip() for cell in cells):
            yield TextRow(begins, dict(zip(header, cells, strict=True)))
        begins = reader.line_num + 1


def _next_row(reader: Iterator[list[str]], name: str) -> list[str] | None:
    try:
        return next(reader, None)
    except csv.Error as error:
        line = getattr(reader, "line_num", 0)
        raise BadEntry("broken-csv", file=name, line=line, most=MAX_LINE) from error


def _first_line(file: TextFile) -> str:
    return file.beginning().split("\n", 1)[0]


def _delimiter(line: str) -> str:
    return "\t" if "\t" in line and "," not in line else ","
