"""The records of a file, whatever it is: JSON lines, a JSON array, CSV, parquet or KoChatGPT's text.

Knows: what each looks like in its first characters; a hash of every file that was read.
Refuses to know: what the records mean.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from errors import BadEntry, BadRequest
from errors.system_reason import system_reason
from finetune.data.json_rows import json_array
from finetune.data.rows import Record
from finetune.data.talk_text import is_talk_text, talk_rows
from text_files import TextFile, open_text
from text_rows import TextRow, csv_header, csv_rows, json_line_rows

if TYPE_CHECKING:
    from hashlib import _Hash

_PARQUET = b"PAR1"
_ROWS_AT_ONCE = 512
_PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd"}


@dataclass(frozen=True)
class Records:
    """What a source holds; `sha256` counts once all records were taken."""

    records: Iterator[Record]
    digest: _Hash
    notes: tuple[str, ...] = ()


@contextmanager
def open_records(path: Path) -> Iterator[Records]:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            start = file.read(4)
            if start == _PARQUET:
                file.seek(0)
                digest = hashlib.file_digest(file, "sha256")
    except OSError as error:
        raise BadRequest("file-unreadable", file=path.name, why=system_reason(error)) from error
    if start == _PARQUET:
        yield Records(_parquet_rows(path), digest)
        return
    for mark, packer in _PACKED.items():
        if start.startswith(mark):
            raise BadEntry("data-packed", file=path.name, packer=packer)
    with open_text(path, digest) as file:
        yield Records(_text_records(file), digest, file.notes)


def _text_records(file: TextFile) -> Iterator[Record]:
    beginning = file.beginning().lstrip("\ufeff \t\r\n")
    if not beginning:
        raise BadEntry("data-empty-lines", file=file.name)
    if beginning.startswith("["):
        return json_array(file)
    if beginning.startswith("{"):
        return _of_lines(json_line_rows(file))
    if is_talk_text(beginning):
        return talk_rows(file)
    if len(names := csv_header(file)) > 1 and all(names):
        return _of_lines(csv_rows(file))
    raise BadEntry("data-unknown-shape", file=file.name)


def _of_lines(rows: Iterable[TextRow]) -> Iterator[Record]:
    return (Record(f"line {row.line}", row.cells, row.fault) for row in rows)


def _parquet_rows(path: Path) -> Iterator[Record]:
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as table:
            for batch in table.iter_batches(_ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    number += 1
                    yield Record(f"row {number}", row)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise BadEntry("parquet-damaged", file=path.name, number=number) from error
