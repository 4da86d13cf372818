"""The processes that have one database open, and which of them are no more.

Knows: a lock file a process, named after it and held as long as it lives, so that the system lets go of it
however that ends.
Refuses to know: what follows from it for questions and answers.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from file_lock import HeldLock, try_lock

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
