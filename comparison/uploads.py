"""Files that came through the browser, on disk only until they were read; a page and a folder stay apart.

Their names are made safe for a disk, and what was forgotten goes after a day.
"""

from __future__ import annotations

import re
import secrets
import shutil
import time
from pathlib import Path

from errors import BadRequest
from errors.system_reason import system_reason

_KEPT_SECONDS = 24 * 3600.0
_LONGEST_NAME = 60


class Uploads:
    """A folder of its own for each file, so that the file keeps the name its person knows it by."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, name: str, content: bytes | memoryview) -> Path:
        """Write it down; the path is what to read and to drop."""
        path = self._folder / secrets.token_hex(12) / _safe(name)
        try:
            self._sweep()
            path.parent.mkdir(parents=True)
            path.write_bytes(content)
        except OSError as error:
            shutil.rmtree(path.parent, ignore_errors=True)
            raise BadRequest("upload-not-written", file=path.name, why=system_reason(error)) from error
        return path

    def drop(self, path: Path) -> None:
        if path.parent.parent == self._folder:
            shutil.rmtree(path.parent, ignore_errors=True)

    def _sweep(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for old in self._folder.iterdir():
            if old.stat().st_mtime < time.time() - _KEPT_SECONDS:
                shutil.rmtree(old, ignore_errors=True)


def _safe(name: str) -> str:
    """The end of the name with nothing in it that a disk or a path takes for something else."""
    plain = re.sub(r"[^\w .()-]", "_", name.replace("\\", "/").rsplit("/", 1)[-1]).lstrip(".")
    stem, dot, kind = plain.rpartition(".")
    return f"{stem[:_LONGEST_NAME]}.{kind[:8]}" if dot else f"{plain[:_LONGEST_NAME]}_"
