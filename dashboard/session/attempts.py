"""Which attempt at an answer is looked at, and which it is held against; apart, because every page that shows
answers reads it before its tabs are drawn."""

from __future__ import annotations

import streamlit as st


def tab_key(run_id: str, position: int, newest: int) -> str:
    """Another one with each new attempt: that one is looked at first."""
    return f"attempt_{run_id}_{position}_of_{newest}"


def difference_key(run_id: str, position: int, attempt: int) -> str:
    return f"attempt_difference_{run_id}_{position}_{attempt}"


def chosen(key: str) -> int | None:
    value = st.session_state.get(key)
    return value if isinstance(value, int) else None
