"""Until a file is on the disk.

Knows: that names are flushed with their folder, and that not every system can do that.
Refuses to know: what is written, and what follows where it cannot be.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def sync(path: Path) -> None:
    """Until this returns, a file, or the names in a folder, may only be in memory. A folder is flushed where
    the system can: Windows opens none, and keeps names itself."""
    if path.is_dir():
        with suppress(OSError):
            _flush(path, os.O_RDONLY)
    else:
        # Windows flushes only what it opened for writing.
        _flush(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)


def _flush(path: Path, how: int) -> None:
    descriptor = os.open(path, how)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
