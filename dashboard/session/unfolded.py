"""Which long answers are shown whole in this tab.

Knows: the key, and that it holds names.
Refuses to know: what is long, and what is drawn of it.
"""

from __future__ import annotations

import streamlit as st

_UNFOLDED = "unfolded_answers"


def is_unfolded(name: str) -> bool:
    return name in st.session_state.get(_UNFOLDED, [])


def set_unfolded(name: str, whole: bool) -> None:
    others = [each for each in st.session_state.get(_UNFOLDED, []) if each != name]
    st.session_state[_UNFOLDED] = [*others, name] if whole else others
