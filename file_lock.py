"""Locks on files that the system lets go of when their process ends, however it ends, on each system.

Knows: how one is tried, held and given back, and that a lock file is in nobody's way afterwards.
Refuses to know: what is held by it. Nobody waits in here.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout


class HeldLock:
    """Held until it is released or the process ends; any thread may release it."""

    def __init__(self, lock: BaseFileLock) -> None:
        self._lock = lock

    def release(self, *, remove: bool = False) -> None:
        """`remove`: no file is left behind; on Windows none ever is."""
        if remove:
            # While it is held, so that nobody else has it. Windows refuses here, and removes it when let go.
            with suppress(OSError):
                Path(self._lock.lock_file).unlink()
        self._lock.release()

    def __enter__(self) -> HeldLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def try_lock(path: Path) -> HeldLock | None:
    """The lock of this file, which is made where it is not there; None while somebody else holds it, in this
    process or another. Raises OSError where the file cannot be made."""
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    return HeldLock(lock)
