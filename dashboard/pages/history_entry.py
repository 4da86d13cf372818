"""The page of one entry of the history, named in the address; its menu item shows the list again."""

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
