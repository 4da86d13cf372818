"""What a person names as data: a file or a hub dataset, how much it counts, and the records of a file.

Knows: `file.jsonl*2`, how a dataset's name is told from a file's, and what JSON lines, a JSON array, CSV,
parquet and KoChatGPT's text look like in their first characters; a hash of every file that was read.
Refuses to know: what the records mean.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from errors import BadEntry, BadRequest
from errors.note import Note
from errors.system_reason import system_reason
from finetune.data.json_rows import json_array
from finetune.data.rows import Record
from finetune.data.talk_text import is_talk_text, talk_rows
from text_files import TextFile, open_text
from text_rows import COLUMN_NAMES, TextRow, csv_header, csv_rows, json_line_rows, plain_name

if TYPE_CHECKING:
    from hashlib import _Hash

Weighted = TypeVar("Weighted")

_MOST = 100.0
_WEIGHTED = re.compile(r"(.+)\*([0-9.]+)")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FILE_ENDINGS = (".jsonl", ".json", ".csv", ".tsv", ".txt", ".parquet", ".md")
_PARQUET = b"PAR1"
_ROWS_AT_ONCE = 512
_PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd"}


@dataclass(frozen=True)
class Source:
    """One part of a mixture."""

    name: str
    """A file's name without its folder, or a dataset's id."""
    path: Path | None
    """None: a dataset of the hub."""
    weight: float = 1.0


def parse_sources(given: Sequence[str]) -> list[Source]:
    if not given:
        raise BadRequest("data-unnamed")
    sources = [_parse(text) for text in given]
    for at, source in enumerate(sources):
        if any(_same(source, earlier) for earlier in sources[:at]):
            raise BadRequest("data-named-twice", file=source.name)
    return sources


def weighted(rows: Sequence[Weighted], weight: float, seed: str) -> list[Weighted]:
    """Whole copies one after the other, then of what is left over a random share in the order of the rows."""
    copies, share = int(weight), weight - int(weight)
    count = round(share * len(rows))
    drawn = sorted(random.Random(seed).sample(range(len(rows)), count))
    return [*rows] * copies + [rows[at] for at in drawn]


def _parse(text: str) -> Source:
    match = None if Path(text).exists() else _WEIGHTED.fullmatch(text)
    named, weight = (match.group(1), _weight(match.group(2), text)) if match else (text, 1.0)
    path = Path(named).expanduser()
    if path.is_dir():
        raise BadRequest("data-is-folder", file=path.name or named)
    if path.is_file():
        return Source(path.name, path, weight)
    if path.exists():
        raise BadRequest("data-not-regular-file", file=path.name)
    if _HUB_ID.fullmatch(named) and not named.endswith(_FILE_ENDINGS) and not path.parent.is_dir():
        return Source(named, None, weight)
    raise BadRequest("data-file-missing", file=path.name)


def _weight(text: str, whole: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not 0 < weight <= _MOST:
        raise BadRequest("data-weight", whole=whole, most=_MOST, weight=text)
    return weight


def _same(one: Source, other: Source) -> bool:
    if one.path is None or other.path is None:
        return one.path is other.path and one.name == other.name
    return one.path.samefile(other.path)


@dataclass(frozen=True)
class Records:
    """What a source holds; `sha256` counts once all records were taken."""

    records: Iterator[Record]
    digest: _Hash
    notes: tuple[str, ...] = ()


@contextmanager
def open_records(path: Path, *, of_questions: bool = False) -> Iterator[Records]:
    """`of_questions`: a text may also hold one question a line, with or without a name above them."""
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
        if of_questions and _has_no_columns(file):
            note = Note("note-lines-as-questions", file=path.name)
            yield Records(_questions(file), digest, (*file.notes, note))
        else:
            yield Records(_text_records(file), digest, file.notes)


def _has_no_columns(file: TextFile) -> bool:
    """Whether it is no file of rows; names of columns hold no spaces, and a question does."""
    beginning = file.beginning().lstrip("\ufeff \t\r\n")
    if not beginning or beginning.startswith(("[", "{")) or is_talk_text(beginning):
        return False
    names = csv_header(file)
    return len(names) == 1 or any(" " in name for name in names)


def _questions(file: TextFile) -> Iterator[Record]:
    named = plain_name(csv_header(file)[0].lstrip("\ufeff")) in COLUMN_NAMES["question"]
    for number, line in file.lines():
        text = line.strip().lstrip("\ufeff")
        if text and not (named and number == 1):
            yield Record(f"line {number}", {"question": text})


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
