"""Where Narani's data lies and how much of it there is.

Knows: the folders under the home.
Refuses to know: what is in the files.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from settings import Settings


@dataclass(frozen=True)
class StoredData:
    """Bytes on disk; the folders as paths of the machine that Narani runs on."""

    home: Path
    own_models: Path
    database: Path | None
    """None: another database, by its address (which may hold a password, and is never shown)."""
    database_bytes: int
    export_bytes: int
    upload_bytes: int
    free_bytes: int


def stored_data(settings: Settings) -> StoredData:
    home = settings.home
    database = home / "narani.db" if settings.database is None else None
    return StoredData(
        home=home,
        own_models=settings.own_models,
        database=database,
        database_bytes=sum(map(_size, home.glob("narani.db*"))),
        export_bytes=_size(home / "exports"),
        upload_bytes=_size(home / "uploads"),
        free_bytes=shutil.disk_usage(_nearest(home)).free,
    )


def _size(path: Path) -> int:
    """Of a file, or of all files in a folder; what goes away meanwhile counts nothing."""
    try:
        if path.is_file():
            return path.stat().st_size
        with os.scandir(path) as entries:
            return sum(_size(Path(entry)) for entry in entries if not entry.is_symlink())
    except OSError:
        return 0


def _nearest(path: Path) -> Path:
    """The folder itself, or the first one above it that is there."""
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())
