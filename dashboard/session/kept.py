"""What a person set on a page, kept while they look at another.

Knows: that Streamlit forgets a widget's value once the widget is not drawn, and how to give it back.
Refuses to know: what the values mean.
"""

from __future__ import annotations

from typing import TypeVar

import streamlit as st

Value = TypeVar("Value")


def restore(key: str, default: Value) -> None:
    """Before the widget is drawn: what it was last set to, else `default`."""
    if key not in st.session_state:
        st.session_state[key] = st.session_state.get(_name(key), default)


def keep(key: str, value: Value) -> Value:
    """After the widget is drawn; hands the value on."""
    st.session_state[_name(key)] = value
    return value


def kept(key: str, default: Value) -> Value:
    """What was kept, on a page that does not draw the widget."""
    value: Value = st.session_state.get(_name(key), default)
    return value


def forget(key: str) -> None:
    """What it was set to belonged to something that is gone."""
    st.session_state.pop(key, None)
    st.session_state.pop(_name(key), None)


def _name(key: str) -> str:
    return f"kept_{key}"
