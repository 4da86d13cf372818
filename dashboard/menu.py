"""Which pages there are.

Knows: their names, which are also the last part of their addresses, and their pictures.
Refuses to know: what is on them.
"""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from dashboard.words import Words

PAGES = {
    "compare": ":material/view_column:",
    "history": ":material/history:",
    "batch": ":material/playlist_play:",
    "training": ":material/model_training:",
    "models": ":material/memory:",
    "settings": ":material/settings:",
}


def menu(said: Words) -> StreamlitPage:
    """Draws the menu; the page picked in it."""
    return st.navigation(
        [
            st.Page(
                f"dashboard/pages/{name}.py", title=said.pages[name], icon=icon, default=name == "compare"
            )
            for name, icon in PAGES.items()
        ]
    )
