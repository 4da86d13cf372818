"""A file that only takes up room, to be given up when the disk is full.

Knows: its size, and when there is room to have it again.
Refuses to know: databases. SQLite with a write-ahead log needs space even to make space.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

BALLAST_BYTES = 8_000_000
_ROOM = 3
"""Times its size has to be free before it is made: it must never be what fills the disk."""
_PIECE = 1 << 20


class Ballast:
    def __init__(self, path: Path, size: int = BALLAST_BYTES) -> None:
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
