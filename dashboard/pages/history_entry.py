"""The page of one entry of the history, whole. It is not in the menu, so the menu leads back to the list.

Knows: that the address names the entry.
Refuses to know: how an entry is found and drawn.
"""

from __future__ import annotations

import streamlit as st

from dashboard.history import browsing
from dashboard.resources import services
from dashboard.session import history
from dashboard.texts import read_chosen


def page() -> None:
    opened = history.opened()
    if opened is None:
        st.switch_page(browsing.LIST)
    browsing.draw_opened(opened, services(), read_chosen())


page()
