"""The CSV file that a batch writes: every row on disk before it is reported.

A row that a killed process left half written is found and cut. One process writes at a time: its lock dies
with it. What the rows mean for a batch stands in answers_in_file.py.
"""

from __future__ import annotations

import contextlib
import csv
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from comparison.answer_rows import (
    COLUMNS,
    LINE_END,
    AnswerRow,
    Key,
    columns_of,
    decode,
    encode,
    encode_cells,
    newest,
)
from errors import BadEntry, BadRequest, NaraniError
from errors.system_reason import system_reason
from file_lock import HeldLock, try_lock
from whole_files import sync

HEADER = "\ufeff".encode() + encode_cells(COLUMNS)
"""With the mark by which a spreadsheet knows the Hangul for UTF-8."""


class AnswerFile:
    """An answer file held open for appending by this process alone."""

    def __init__(self, path: Path) -> None:
        self.name, self.path = path.name, path.resolve()
        self.notes: list[str] = []
        try:
            with ExitStack() as held:
                held.callback(_lock_of(path).release, remove=True)
                self._file = held.enter_context(path.open("ab+"))
                self._file.seek(0)
                self.rows = self._recover()
                sync(path.parent)
                self._held = held.pop_all()
        except OSError as error:
            raise BadRequest("file-not-writable", file=self.name, why=system_reason(error)) from error

    def append(self, row: AnswerRow) -> None:
        """Return once the row is on disk; otherwise the file is as it was, and the error says why."""
        try:
            self._write(encode(row, self._columns))
        except OSError as error:
            raise NaraniError("answers-not-written", file=self.name, why=system_reason(error)) from error

    def close(self) -> None:
        self._held.close()

    def _recover(self) -> dict[Key, AnswerRow]:
        size = os.fstat(self._file.fileno()).st_size
        self._end = 0
        if size < len(HEADER) and HEADER.startswith(self._file.read()):
            os.ftruncate(self._file.fileno(), 0)
            self._write(HEADER)
            self._columns = COLUMNS
            return {}
        self._file.seek(0)
        self._columns, start = _columns(self._file, self.name)
        self._end = _whole_rows_end(self._file, start)
        if self._end < size:
            os.ftruncate(self._file.fileno(), self._end)
            self.notes.append(f"The last row of {self.name} was only half written; it was cut off.")
        return newest(self._rows(start))

    def _rows(self, start: int) -> Iterator[AnswerRow]:
        reader = csv.reader(_lines(self._file, start, self._end), strict=True)
        begins = 2
        try:
            for cells in reader:
                yield decode(cells, self._columns)
                begins = reader.line_num + 2
        except (csv.Error, ValueError) as error:
            raise BadEntry("answers-row-unreadable", file=self.name, line=begins) from error

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._file.fileno(), left) :]
            os.fsync(self._file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file.fileno(), self._end)
            raise
        self._end += len(data)


def _lock_of(path: Path) -> HeldLock:
    """A file of its own, so that on Windows, too, the answers can be read while more are written."""
    if not path.parent.is_dir():
        raise BadRequest("folder-not-there", file=path.name)
    if path.exists() and not path.is_file():
        raise BadRequest("answers-not-regular-file", file=path.name)
    real = path.resolve()
    lock = try_lock(real.with_name(f".{real.name}.lock"))
    if lock is None:
        raise BadRequest("answers-file-in-use", file=path.name)
    return lock


def _columns(file: BinaryIO, name: str) -> tuple[tuple[str, ...], int]:
    """The columns in the first line, and where it ends."""
    line = file.readline()
    columns = columns_of(next(csv.reader([line.decode("utf-8-sig", "replace")]), []))
    if columns is None or not line.endswith(LINE_END):
        raise BadRequest("answers-file-not-ours", file=name)
    return columns, len(line)


def _whole_rows_end(file: BinaryIO, start: int) -> int:
    """Where the last whole row ends: at a line end with every quote before it closed."""
    at = end = start
    quotes = 0
    for line in file:
        at += len(line)
        quotes += line.count(b'"')
        if quotes % 2 == 0 and line.endswith(LINE_END):
            end = at
    return end


def _lines(file: BinaryIO, start: int, end: int) -> Iterator[str]:
    at = file.seek(start)
    while at < end:
        line = file.readline()
        at += len(line)
        yield line.decode("utf-8")
