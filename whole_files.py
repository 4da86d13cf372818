"""Files and folders that are there whole or not at all, also when the machine stops midway.

Knows: the part beside it, that it reaches the disk before it gets its name, that names are flushed with their
folder, and what of this Windows cannot do, or not at once.
Refuses to know: what is written.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_PIECE = 2**16
_TRIES, _TRY_AGAIN_SECONDS = 40, 0.05


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Write into it; at the end it takes the place of `path`, and after any failure nothing of it is left."""
    part = path.with_name(f".narani-{secrets.token_hex(8)}.part")
    try:
        with _SmallPieces(FileIO(part, "xb"), _PIECE) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync(path.parent)


def write_whole(path: Path, text: str) -> None:
    """The file holds the old text or the new one, never half of it."""
    with whole_file(path) as file:
        file.write(text.encode("utf-8"))


def whole_folder(final: Path, temporary: Path, fill: Callable[[Path], None]) -> Path:
    """Let `fill` write into `temporary`, flush every file of it, and rename it to `final`.

    What stood at `final` is not lost before the new folder is on the disk. After a fault nothing is left but
    what was there before.
    """
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        fill(temporary)
        for path in sorted(temporary.rglob("*")):
            sync(path)
        sync(temporary)
        if os.path.lexists(final):
            # A broken folder that has to make way, and is nobody's to delete.
            replace(final, final.with_name(f"aside-{final.name}-{secrets.token_hex(3)}"))
        replace(temporary, final)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync(final.parent)
    return final


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


class _SmallPieces(BufferedWriter):
    """The system takes small pieces in a fraction of the time of the same megabytes at once."""

    def write(self, data: ReadableBuffer) -> int:
        whole = memoryview(data)
        for at in range(0, len(whole), _PIECE):
            super().write(whole[at : at + _PIECE])
        return len(whole)


def _flush(path: Path, how: int) -> None:
    descriptor = os.open(path, how)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
