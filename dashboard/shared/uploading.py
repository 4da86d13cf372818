"""Files of a person's own: they go to disk at once and out of the browser session's memory.

What stands in a file, and which kinds a page takes, is the page's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from comparison.uploads import Uploads
from dashboard.errors import explain
from dashboard.resources import Services
from dashboard.session.shared import UploadedFiles
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from errors import NaraniError


def uploads_of(services: Services) -> Uploads:
    return Uploads(services.settings.home / "uploads")


def file_uploader(
    label: str,
    types: Sequence[str],
    files: UploadedFiles,
    uploads: Uploads,
    texts: Texts,
    *,
    several: bool,
    help: str | None = None,
) -> None:
    """`label` has a place for the limit. A file that could not be taken is said above it."""
    if (problem := files.problem()) is not None:
        st.warning(problem, icon=":material/error:")
    key = files.uploader_key()
    st.file_uploader(
        label.format(limit=upload_limit()),
        types,
        accept_multiple_files=several,
        key=key,
        on_change=_take,
        args=(files, uploads, key, texts),
        help=help,
    )


def upload_limit() -> int:
    """Megabytes."""
    return int(st.get_option("server.maxUploadSize"))


def uploaded_file(path: str, name: str, label: str, key: str, files: UploadedFiles, uploads: Uploads) -> None:
    """Its name, and the button that lets go of it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/description: **{safe_text(name)}**", width="content")
        st.button(
            label,
            key=key,
            icon=":material/close:",
            type="tertiary",
            on_click=_drop,
            args=(path, files, uploads),
        )


def forget_files(files: UploadedFiles, uploads: Uploads) -> None:
    """They were read, or moved to where they are needed: what is left of them goes."""
    for path, _ in files.came():
        uploads.drop(Path(path))
    files.set([])


def _take(files: UploadedFiles, uploads: Uploads, key: str, texts: Texts) -> None:
    came = st.session_state.get(key) or []
    there = files.there()
    try:
        for file in came if isinstance(came, list) else [came]:
            there.append((str(uploads.keep(file.name, file.getbuffer())), file.name))
    except NaraniError as error:
        files.refuse(explain(error.cause, texts))
    else:
        files.set(there)


def _drop(path: str, files: UploadedFiles, uploads: Uploads) -> None:
    uploads.drop(Path(path))
    files.set([each for each in files.there() if each[0] != path])
