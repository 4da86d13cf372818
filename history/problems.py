"""What can keep an answer from the disk, and the error that says so.

Knows: SQLite's error numbers, and how a full disk shows itself.
Refuses to know: what was to be written, and what is done about it.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from enum import StrEnum
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from errors import NaraniError


class Problem(StrEnum):
    FULL = "full"
    LOCKED = "locked"
    READ_ONLY = "read-only"
    HOME = "home"
    """The folder of everything that is kept is none, and none can be made there."""
    BROKEN = "broken"
    DAMAGED = "damaged"
    """The file is no database, or not a whole one."""
    INDEX = "index"
    """The word index does not fit the texts; it can be made anew from them."""


class Trouble(Exception):
    """The database could not do it; whoever asked makes a sentence of the problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


class NotStored(NaraniError):
    """An answer is not on disk yet, and is tried again."""

    category = "not-stored"


class NotDone(NaraniError):
    """The history could not be read or changed."""

    category = "history-out-of-reach"


_SHOWN = (Problem.FULL, Problem.LOCKED, Problem.READ_ONLY, Problem.HOME)
_RESULTS = {
    sqlite3.SQLITE_FULL: Problem.FULL,
    sqlite3.SQLITE_BUSY: Problem.LOCKED,
    sqlite3.SQLITE_LOCKED: Problem.LOCKED,
    sqlite3.SQLITE_READONLY: Problem.READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: Problem.READ_ONLY,
    sqlite3.SQLITE_PERM: Problem.READ_ONLY,
    sqlite3.SQLITE_CORRUPT: Problem.DAMAGED,
    sqlite3.SQLITE_NOTADB: Problem.DAMAGED,
}
_SYSTEM = {
    errno.ENOSPC: Problem.FULL,
    errno.EDQUOT: Problem.FULL,
    errno.EFBIG: Problem.FULL,
    errno.EROFS: Problem.READ_ONLY,
    errno.EACCES: Problem.READ_ONLY,
    errno.EPERM: Problem.READ_ONLY,
    errno.ENOTDIR: Problem.HOME,
    errno.EEXIST: Problem.HOME,
    errno.ELOOP: Problem.HOME,
    errno.ENOENT: Problem.HOME,
    errno.ENAMETOOLONG: Problem.HOME,
}
_PROBE_BYTES = 64 * 1024


def not_stored(problem: Problem) -> NotStored:
    return NotStored(f"not-stored-{shown(problem)}", problem=shown(problem))


def not_done(problem: Problem) -> NotDone:
    return NotDone(f"not-done-{shown(problem)}", problem=shown(problem))


def problem_of(error: SQLAlchemyError | OSError, folder: Path) -> Problem:
    if isinstance(error, OSError):
        return _SYSTEM.get(error.errno or 0, Problem.BROKEN)
    code = getattr(error.orig, "sqlite_errorcode", 0) if isinstance(error, DBAPIError) else 0
    if code == sqlite3.SQLITE_CORRUPT_VTAB:
        return Problem.INDEX
    result = code & 0xFF
    if result in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        return _probed(folder) or _RESULTS.get(result, Problem.BROKEN)
    return _RESULTS.get(result, Problem.BROKEN)


def _probed(folder: Path) -> Problem | None:
    """SQLite calls it an I/O error when a quota is used up: try what it tried."""
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(os.urandom(_PROBE_BYTES))
    except OSError as error:
        return _SYSTEM.get(error.errno or 0)
    return None


def shown(problem: Problem) -> str:
    return str(problem if problem in _SHOWN else Problem.BROKEN)
