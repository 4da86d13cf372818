"""Which pages there are, their pictures, and where lines end on all of them.

A page's name is also the last part of its address.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from dashboard.texts import Texts

PAGES = {
    "compare": ":material/view_column:",
    "search": ":material/travel_explore:",
    "history": ":material/history:",
    "batch": ":material/playlist_play:",
    "training": ":material/model_training:",
    "models": ":material/memory:",
    "settings": ":material/settings:",
}


ENTRY = "history_entry"
"""A page that the menu does not show: it is opened from the history."""
ADDRESSES = (*PAGES, ENTRY)
_LOOKS = """<style>.stApp :is(p, li, td, label, h1, h2, h3, [data-testid="stText"] *) {
  word-break: keep-all; }
[data-testid="stSliderThumbValue"] p, [data-testid="stButtonGroup"] [data-selected="true"] p {
  color: light-dark(#1d6573, #7cc4d2); }
@media (min-width: 48rem) { [data-testid="stMainBlockContainer"], [data-testid="stBottomBlockContainer"] {
  padding-inline: 2.5rem; } }</style>"""
"""Hangul is read by words: a line ends between them where it can. A chosen option, and what a slider is set
to, is written in a lighter accent on dark ground: the theme has one accent, which has to be a fill under
white, too. Five answers stand in a row of a window that is 1440 wide: Streamlit's own borders are twice as
wide."""
_PICTURES = Path(__file__).parent


def menu(texts: Texts) -> StreamlitPage:
    """Draws the name and the menu; the page picked in it."""
    st.html(_LOOKS)
    st.logo(_PICTURES / "narani_wordmark.svg", size="large", icon_image=_PICTURES / "narani.svg")
    return st.navigation(
        [
            st.Page(
                f"dashboard/pages/{name}.py", title=texts.pages[name], icon=icon, default=name == "compare"
            )
            for name, icon in PAGES.items()
        ]
        + [st.Page(f"dashboard/pages/{ENTRY}.py", title=texts.pages["history"], visibility="hidden")]
    )
