"""Every key of the session and the address, as typed getters and setters.

Knows: their names.
Refuses to know: what the values mean.
"""

from __future__ import annotations

import streamlit as st

MODELS = "compare_models"
QUESTION = "compare_question"
STOP_ALL = "compare_stop_all"
_RUN = "run"


def run_id() -> str | None:
    """The run in the address; it survives a refresh and can be opened in a second tab."""
    return st.query_params.get(_RUN)


def set_run_id(run_id: str) -> None:
    st.query_params[_RUN] = run_id
