"""The page that looks back: every question and answer, found again, opened, asked once more, exported."""

from __future__ import annotations

import streamlit as st

from dashboard.history import browsing
from dashboard.history.entries_list import history_list
from dashboard.history.filters import history_filters
from dashboard.resources import services
from dashboard.session import history
from dashboard.session.owner import owner_id
from dashboard.shared.formatting import zone
from dashboard.texts import read_chosen
from history.records import HistoryFilter


def page() -> None:
    texts, shared = read_chosen(), services()
    opened = history.opened()
    if opened is not None:
        browsing.open_entry(opened)
    st.title(texts.history["title"])
    here, titles = zone(), browsing.titles(shared)
    models = shared.history.models(owner_id())
    wanted = history_filters(models, titles, sorted(shared.registry.formats.by_id), here, texts)
    browsing.undo_bar(shared, texts)
    browsing.picked_bar(shared, texts)
    found = browsing.found(shared, wanted)
    if not found.runs:
        st.info(
            texts.history["empty" if wanted == HistoryFilter() else "none_found"], icon=":material/history:"
        )
    history_list(found.runs, titles, here, browsing.actions(shared), texts)
    browsing.pager(found, texts)


page()
