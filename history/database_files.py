"""The files of a database: itself, a lock for each process that has it open, and reserved space.

Knows: SQLite's first bytes and own check, the names of what lies beside it; that a lock is held as long as
its process lives, so that the system lets go of it however that ends; when there is room for reserved space.
Refuses to know: tables, and what follows from a dead process for questions and answers.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sqlite3
import struct
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from io import FileIO
from pathlib import Path

from file_lock import HeldLock, try_lock

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
        self.close()
        self._held = FileIO(self._path)

    def close(self) -> None:
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


_TRIES = 50
_TRY_AGAIN_SECONDS = 0.02


class Neighbors:
    """`all_here`: whoever opens this database has its lock in this folder, so one without a lock is no more.
    A database of many machines is another thing: a process without a lock here may live elsewhere."""

    def __init__(self, beside: Path, all_here: bool) -> None:
        self.name = f"{os.getpid()}-{secrets.token_hex(6)}"
        self._beside, self._all_here = beside, all_here
        self._own: HeldLock | None = None
        self._alone = False

    def arrive(self) -> None:
        """Take the own lock; does nothing the second time."""
        if self._own is not None:
            return
        for _ in range(_TRIES):
            if (own := try_lock(self._file(self.name))) is not None:
                break
            time.sleep(_TRY_AGAIN_SECONDS)  # whoever looks for the dead has it for a moment
        else:
            raise BlockingIOError("the lock of this process is held by another")
        self._own, self._alone = own, all(_is_free(file) for file in self._others())

    def settle(self) -> None:
        """What the dead left was seen to: their files may go, and whoever comes now is no stranger."""
        self._alone = False
        for file in self._others():
            if (lock := _locked(file)) is not None:
                lock.release(remove=True)

    def leave(self) -> None:
        if self._own is not None:
            self._own.release(remove=True)
            self._own = None

    def lives(self, name: str | None) -> bool:
        """Whether the process of this name is here and alive; this one always is."""
        if name is None or name == self.name:
            return name is not None
        file = self._file(name)
        return file.exists() and not _is_free(file)

    def gone(self, name: str | None) -> bool:
        """Whether it is known to be no more. An older Narani gave no name."""
        if self.lives(name):
            return False
        return self._alone or self._all_here or (name is not None and self._file(name).exists())

    def _file(self, name: str) -> Path:
        return self._beside.with_name(f"{self._beside.name}.lock-{name}")

    def _others(self) -> Iterator[Path]:
        own = self._file(self.name)
        begins = self._file("").name
        return (file for file in own.parent.iterdir() if file.name.startswith(begins) and file != own)


def _is_free(file: Path) -> bool:
    lock = _locked(file)
    if lock is not None:
        lock.release()
    return lock is not None


def _locked(file: Path) -> HeldLock | None:
    """None also where it may not be touched: it is another person's, who may live."""
    try:
        return try_lock(file)
    except OSError:
        return None


RESERVED_BYTES = 8_000_000
_ROOM = 3
"""Times its size has to be free before it is made: it must never be what fills the disk."""
_PIECE = 1 << 20


class ReservedSpace:
    """A file that only takes up room, given up when the disk is full: SQLite with a write-ahead log needs
    space even to make space."""

    def __init__(self, path: Path, size: int = RESERVED_BYTES) -> None:
        self._path, self._size = path, size

    def keep(self) -> None:
        """Make it where it is missing and there is room; without it things go on as well."""
        with contextlib.suppress(OSError):
            if not self._path.exists() and shutil.disk_usage(self._path.parent).free > _ROOM * self._size:
                self._make()

    def release(self) -> bool:
        """Whether there was something to give up."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def _make(self) -> None:
        piece = os.urandom(min(_PIECE, self._size))  # zeros would take no room on a disk that packs them
        try:
            with self._path.open("wb") as file:
                for start in range(0, self._size, len(piece)):
                    file.write(piece[: self._size - start])
        except OSError:
            self.release()
            raise
