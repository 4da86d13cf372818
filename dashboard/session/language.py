"""The language a person chose, for as long as the session lasts.

Knows: its key.
Refuses to know: which languages there are, and where the choice is kept for longer.
"""

from __future__ import annotations

import streamlit as st

_LANGUAGE = "language"


def chosen() -> str | None:
    """None: the browser decides."""
    value = st.session_state.get(_LANGUAGE)
    return value if isinstance(value, str) else None


def choose(language: str | None) -> None:
    st.session_state[_LANGUAGE] = language
