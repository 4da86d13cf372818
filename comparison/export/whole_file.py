"""What is said when an export cannot be written.

Knows: what a full disk is called.
Refuses to know: what is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import whole_files
from errors import NaraniError
from errors.system_reason import system_reason


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Write into it; at the end it takes the place of `path`, and after any failure nothing of it is left."""
    try:
        with whole_files.whole_file(path) as file:
            yield file
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> NaraniError:
    return NaraniError("export-not-written", file=path.name, why=system_reason(error))
