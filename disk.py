"""Until a file is on the disk, and under its name.

Knows: that names are flushed with their folder, and what of this Windows cannot do, or not at once.
Refuses to know: what is written, and what follows where it cannot be.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

_TRIES, _TRY_AGAIN_SECONDS = 40, 0.05


def sync(path: Path) -> None:
    """Until this returns, a file, or the names in a folder, may only be in memory. A folder is flushed where
    the system can: Windows opens none, and keeps names itself."""
    if path.is_dir():
        with suppress(OSError):
            _flush(path, os.O_RDONLY)
    else:
        # Windows flushes only what it opened for writing.
        _flush(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)


def replace(part: Path, path: Path) -> None:
    """Give the part its name, in place of what has it. Windows refuses that while somebody has one of them
    open, and whoever reads is soon done."""
    for _ in range(_TRIES if os.name == "nt" else 0):
        try:
            return os.replace(part, path)
        except PermissionError:
            time.sleep(_TRY_AGAIN_SECONDS)
    os.replace(part, path)


def _flush(path: Path, how: int) -> None:
    descriptor = os.open(path, how)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
