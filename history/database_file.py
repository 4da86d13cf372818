"""The file of an SQLite database as a file: whether it is the one that was opened, whole, and out of the way.

Knows: its first bytes, SQLite's own check, and the names of what lies beside it.
Refuses to know: tables.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
import sys
import threading
from datetime import datetime
from io import FileIO
from pathlib import Path

_FIRST_BYTES = b"SQLite format 3\0"
_SMALLEST = 512
_BESIDE = ("", "-wal", "-shm")
_SHARED_LOCK, _SHARED_LOCK_BYTES = 0x40000002, 510
"""Where SQLite's readers lock a file; its file format fixes the place."""


class DatabaseFile:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: FileIO | None = None
        self._reading = threading.Lock()
        self.set_aside: str | None = None

    def hold(self) -> None:
        """Remember which file it is. It stays open as long as the database is: POSIX drops all of a process's
        locks on a file, SQLite's too, when the process closes it anywhere."""
        self.let_go()
        self._held = FileIO(self._path)

    def let_go(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    def protect_log(self) -> None:
        """Before a file is closed that is no longer the one of its name: SQLite would write its log into it
        and take away the log of that name, which may be a new file's. It does neither while another holds a
        lock, and this kind of lock counts as another's. Elsewhere the log does go into what was written over
        the database; Windows at least lets nobody replace a file that is open."""
        if self._held is not None and sys.platform == "linux":
            import fcntl

            lock = struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, _SHARED_LOCK, _SHARED_LOCK_BYTES, 0)
            with contextlib.suppress(OSError):
                fcntl.fcntl(self._held, fcntl.F_OFD_SETLK, lock)

    def is_same(self) -> bool:
        """Whether the file that was opened still lies there and still begins as a database does."""
        if self._held is None:
            return False
        try:
            there, held = os.stat(self._path), os.fstat(self._held.fileno())
            return os.path.samestat(there, held) and self._first_bytes(self._held) == _FIRST_BYTES
        except OSError:
            return False

    def _first_bytes(self, held: FileIO) -> bytes:
        with self._reading:  # one place in the file for all threads
            held.seek(0)
            return held.read(len(_FIRST_BYTES))

    def is_damaged(self) -> bool:
        """Asked only where something went wrong, for it reads the whole file, and only while nobody here has
        it open. A file that is not there or cannot be read is not damaged."""
        if not self._path.exists() or self._path.stat().st_size == 0:
            return False
        with self._path.open("rb") as file:
            if file.read(len(_FIRST_BYTES)) != _FIRST_BYTES:
                return True
        try:
            with contextlib.closing(sqlite3.connect(self._path)) as connection:
                return bool(connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
        except sqlite3.DatabaseError as error:
            return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

    def is_too_small(self) -> bool:
        """To be a database, and so small that SQLite takes it for an empty one and writes over it."""
        return self._path.exists() and 0 < self._path.stat().st_size < _SMALLEST

    def put_aside(self) -> None:
        """Move it and what belongs to it to a name that nothing has; nothing is overwritten or deleted. On
        Windows this has to wait until no neighbor has it open."""
        name = wanted = f"{self._path.name}.damaged-{datetime.now():%Y%m%d-%H%M%S}"
        count = 1
        while any(self._path.with_name(name + ending).exists() for ending in _BESIDE):
            count += 1
            name = f"{wanted}-{count}"
        for ending in _BESIDE:
            with contextlib.suppress(FileNotFoundError):
                self._path.with_name(self._path.name + ending).rename(self._path.with_name(name + ending))
        self.set_aside = name
