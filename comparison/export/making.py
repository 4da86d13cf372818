"""An export made into a folder under a name that sorts by time; and JSONL, its plainest kind.

Knows: the kinds of exports and their names, that a name that is taken is never written over; that JSONL is an
object an answer, to the character what the history holds.
Refuses to know: how CSV and Markdown are written, where rows come from, and who takes the files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from comparison.export.markdown import NOTHING_SAID, ExtrasText, write_markdown
from comparison.export.shared import object_of, thinking_apart, unwritable, whole_file
from history.records import FLAT_COLUMNS, FlatBatch

ReadFlat = Callable[[], Iterable[FlatBatch]]


class ExportKind(StrEnum):
    WIDE = "wide"
    LONG = "long"
    JSONL = "jsonl"
    MARKDOWN = "markdown"


_JSON_COLUMNS = frozenset({"settings", "request", "extras"})
_ENDINGS = {ExportKind.JSONL: ".jsonl", ExportKind.MARKDOWN: ".md"}


def export_name(kind: ExportKind, now: datetime) -> str:
    """ "narani-20261121-0930-long.csv" """
    return f"narani-{now:%Y%m%d-%H%M}{_ENDINGS.get(kind, f'-{kind}.csv')}"


def make_export(
    kind: ExportKind,
    flat: ReadFlat,
    folder: Path,
    now: datetime,
    words: Mapping[str, str],
    extras: ExtrasText = NOTHING_SAID,
) -> Path:
    """The finished file; with a NaraniError nothing of it is left. `words` and `extras` are for a report."""
    path = _reserved(folder, export_name(kind, now))
    try:
        _write(kind, flat, path, words, extras)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def _write(kind: ExportKind, flat: ReadFlat, path: Path, words: Mapping[str, str], extras: ExtrasText) -> int:
    from comparison.export.csv_files import write_long_csv  # here: no page waits for pyarrow unasked
    from comparison.export.wide_csv import write_wide_csv

    if kind is ExportKind.WIDE:
        return write_wide_csv(flat, path)
    if kind is ExportKind.MARKDOWN:
        return write_markdown(flat(), path, words, extras)
    return write_jsonl(flat(), path) if kind is ExportKind.JSONL else write_long_csv(flat, path)


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


def write_jsonl(batches: Iterable[FlatBatch], path: Path) -> int:
    """How many lines; the file is there whole or, with a NaraniError, not at all."""
    lines = 0
    with whole_file(path) as file:
        for batch in map(thinking_apart, batches):
            rows = zip(*(batch[name] for name in FLAT_COLUMNS), strict=True)
            for values, thinking in zip(rows, batch["thinking"], strict=True):
                file.write(_line(values, thinking))
                lines += 1
    return lines


def _line(values: tuple[object, ...], thinking: object) -> bytes:
    row = {name: _in_json(name, value) for name, value in zip(FLAT_COLUMNS, values, strict=True)}
    row |= {"thinking": thinking} if thinking else {}
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace") + b"\n"  # half a character as JSON escapes it: \ud83d


def _in_json(name: str, value: object) -> object:
    found = object_of(value) if name in _JSON_COLUMNS else None
    return value if found is None else found
