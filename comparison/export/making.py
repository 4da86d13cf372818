"""An export made into a folder under a name that sorts by time.

Knows: the kinds of exports and their names; a name that is taken is never written over.
Refuses to know: what is in the files, and who takes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from comparison.export.jsonl import write_jsonl
from comparison.export.markdown import write_markdown
from comparison.export.whole_file import unwritable
from history.records import FlatBatch

Flat = Callable[[], Iterable[FlatBatch]]


class ExportKind(StrEnum):
    WIDE = "wide"
    LONG = "long"
    JSONL = "jsonl"
    MARKDOWN = "markdown"


_ENDINGS = {ExportKind.JSONL: ".jsonl", ExportKind.MARKDOWN: ".md"}


def export_name(kind: ExportKind, now: datetime) -> str:
    """ "narani-20261121-0930-long.csv" """
    return f"narani-{now:%Y%m%d-%H%M}{_ENDINGS.get(kind, f'-{kind}.csv')}"


def make_export(kind: ExportKind, flat: Flat, folder: Path, now: datetime, words: Mapping[str, str]) -> Path:
    """The finished file; with a NaraniError nothing of it is left. `words` are those of a report."""
    path = _reserved(folder, export_name(kind, now))
    try:
        _write(kind, flat, path, words)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def _write(kind: ExportKind, flat: Flat, path: Path, words: Mapping[str, str]) -> int:
    from comparison.export.long_csv import (
        write_long_csv,
    )  # here: no page waits for pyarrow before it is needed
    from comparison.export.wide_csv import write_wide_csv

    if kind is ExportKind.WIDE:
        return write_wide_csv(flat, path)
    if kind is ExportKind.MARKDOWN:
        return write_markdown(flat(), path, words)
    return write_jsonl(flat(), path) if kind is ExportKind.JSONL else write_long_csv(flat(), path)


def _reserved(folder: Path, name: str) -> Path:
    """Two people may export in the same minute: the name is taken before anything is written."""
    first = path = folder / name
    number = 1
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while not _made(path):
            number += 1
            path = first.with_stem(f"{first.stem}-{number}")
    except OSError as error:
        raise unwritable(first, error) from error
    return path


def _made(path: Path) -> bool:
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
