"""Whether another Narani lives in the same home.

Knows: a lock file, held as long as the process lives, so that the system lets go of it however that ends.
Refuses to know: what follows from being alone.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Neighbours:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self.alone = False
        """Nobody else was there when the lock was taken; true until `settle`."""

    def arrive(self) -> None:
        """Take the lock, alone if that can be; does nothing the second time."""
        if self._file is not None:
            return
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self.alone = _lock_alone(file)
        except OSError:
            os.close(file)
            raise
        self._file = file

    def settle(self) -> None:
        """Let others in; they are not alone then."""
        if self.alone and self._file is not None:
            _lock_shared(self._file)
            self.alone = False

    def leave(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file, self.alone = None, False


def _lock_alone(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fcntl.flock(file, fcntl.LOCK_SH)
        return False
    return True


def _lock_shared(file: int) -> None:
    fcntl.flock(file, fcntl.LOCK_SH)
