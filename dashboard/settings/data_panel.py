"""Where the data lies and how much of it there is; whether the history is whole.

Knows: how folders and sizes are shown, and that paths are for a reader at this machine only.
Refuses to know: how the sizes were found, and what is in the files.
"""

from __future__ import annotations

import streamlit as st

from dashboard.settings.stored_data import StoredData
from dashboard.shared.history_banner import status_banner
from dashboard.texts import Texts
from history.records import HistoryStatus
from settings import format_bytes


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
