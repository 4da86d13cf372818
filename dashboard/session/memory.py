"""The session's keys of the memory panel.

Knows: their names, and which load this person began last.
Refuses to know: what became of it; that is the memory's.
"""

from __future__ import annotations

import streamlit as st

MODEL = "memory_model"
LOAD = "memory_load"
REFRESH = "memory_refresh"
_LAST_LOAD = "memory_last_load"


def quantization_key(model_id: str) -> str:
    """One a model: each offers other ones."""
    return f"memory_quantization_{model_id}"


def release_key(model_id: str, quantization: str) -> str:
    return f"memory_release_{model_id}_{quantization}"


def keep_key(model_id: str, quantization: str) -> str:
    return f"memory_keep_{model_id}_{quantization}"


def stop_key(model_id: str, quantization: str) -> str:
    return f"memory_stop_{model_id}_{quantization}"


def last_load() -> tuple[str, str] | None:
    """(model, quantization), so that its failure is told to whoever began it."""
    value = st.session_state.get(_LAST_LOAD)
    return value if isinstance(value, tuple) else None


def set_last_load(model_id: str, quantization: str) -> None:
    st.session_state[_LAST_LOAD] = (model_id, quantization)
