"""The page that looks back: every question and answer, found again, opened, asked once more, exported.

Knows: the order of things on the page.
Refuses to know: how runs are found and stored.
"""

from __future__ import annotations

import streamlit as st

from comparison.history.records import Wanted
from dashboard import browsing
from dashboard.components.history_filters import history_filters
from dashboard.components.history_list import history_list
from dashboard.resources import services
from dashboard.session import history
from dashboard.session.owner import owner_id
from dashboard.words import words


def page() -> None:
    said, shared = words(), services()
    opened = history.opened()
    if opened is not None:
        browsing.open_entry(opened)
    st.title(said.history["title"])
    zone, titles = browsing.zone(), browsing.titles(shared)
    models = shared.history.models(owner_id())
    wanted = history_filters(models, titles, sorted(shared.registry.formats.by_id), zone, said)
    browsing.undo_bar(shared, said)
    browsing.picked_bar(shared, said)
    found = browsing.found(shared, wanted)
    if not found.runs:
        st.info(said.history["empty" if wanted == Wanted() else "none_found"], icon=":material/history:")
    history_list(found.runs, titles, zone, browsing.doing(shared), said)
    browsing.pager(found, said)


page()
