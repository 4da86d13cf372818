"""A file that is there whole or not at all.

Knows: the part beside it, that it reaches the disk before it gets its name, and what a full disk is called.
Refuses to know: what is written.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from disk import replace, sync
from errors import NaraniError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_PIECE = 2**16


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Write into it; at the end it takes the place of `path`, and after any failure nothing of it is left."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=".narani-", suffix=".part", dir=path.parent)
        part = Path(name)
        try:
            with _SmallPieces(FileIO(descriptor, "wb"), _PIECE) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        sync(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error


class _SmallPieces(BufferedWriter):
    """The system takes small pieces in a fraction of the time of the same megabytes at once."""

    def write(self, data: ReadableBuffer) -> int:
        whole = memoryview(data)
        for at in range(0, len(whole), _PIECE):
            super().write(whole[at : at + _PIECE])
        return len(whole)


def unwritable(path: Path, error: OSError) -> NaraniError:
    why = error.strerror or "the disk refused"
    sentence = f"{path.name} could not be written: {why}. Nothing of it was left; make room and try again."
    return NaraniError(sentence, file=path.name, why=why)
