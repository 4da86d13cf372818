"""Where Narani's data lies and how much of it there is, and whether the history is whole.

Paths are for a reader at this machine only; what is in the files is not looked at.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.shared.history_banner import status_banner
from dashboard.texts import Texts
from history.records import HistoryStatus
from settings import Settings, format_bytes


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
    """The bytes of a file, or of all files in a folder; a file that vanishes meanwhile counts nothing."""
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


def data_panel(data: StoredData, status: HistoryStatus, show_paths: bool, texts: Texts) -> None:
    words = texts.settings
    if show_paths:
        st.caption(words["home"])
        st.code(str(data.home), language=None, wrap_lines=True)
        st.caption(words["own_models"])
        st.code(str(data.own_models), language=None, wrap_lines=True)
    else:
        st.caption(words["paths_hidden"])
    if data.database is None:
        st.caption(words["other_database"])
    _sizes(data, texts)
    if status == HistoryStatus():
        st.caption(words["all_stored"])
    else:
        status_banner(status, texts)


def _sizes(data: StoredData, texts: Texts) -> None:
    sizes = {
        "database": data.database_bytes if data.database else None,
        "exports": data.export_bytes,
        "uploads": data.upload_bytes,
        "free": data.free_bytes,
    }
    known = {name: size for name, size in sizes.items() if size is not None}
    for column, (name, size) in zip(st.columns(len(known)), known.items(), strict=True):
        column.metric(texts.settings[f"size_{name}"], format_bytes(size))
