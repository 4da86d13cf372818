"""What the page of the search chat remembers: its conversation and the search at work, and what is set."""

from __future__ import annotations

import streamlit as st

from dashboard.session.asking import PickedModels, TypedQuestions
from dashboard.session.shared import ListLength, OpenedByAddress

EXTRACTIVE = "search_extractive"
MODE = "search_mode"
PROVIDER = "search_provider"
FOLDER = "search_folder"
FOLDER_FOR_ALL = "search_folder_for_all"
SOURCES = "search_sources"
PRESET = "search_preset"
MAX_NEW_TOKENS = "search_max_new_tokens"
SEED = "search_seed"
THINKING = "search_thinking"
MODELS = PickedModels("search")
TYPED = TypedQuestions("search")
RECENT = ListLength("search_recent_shown", 8)
_SHOWN = "search_shown_turns"
_RUN = OpenedByAddress("run", "search_last_run")
_LIVE = OpenedByAddress("search", "search_last_search")
run_id = _RUN.name
live_id = _LIVE.name
"""The search that is at work, or ended without anybody having been asked."""
set_live_id = _LIVE.open


def open_run(run_id: str | None) -> None:
    """What was looked for before it is over."""
    _RUN.open(run_id)
    _LIVE.open(None)
    st.session_state[_SHOWN] = None


def open_conversation(run_id: str) -> None:
    """With the models that it was asked of."""
    open_run(run_id)
    MODELS.forget_picked()


def address_of(run_id: str) -> dict[str, str]:
    return {_RUN.parameter: run_id}


def shown_turns(default: int) -> int:
    return int(st.session_state.get(_SHOWN) or default)


def show_turns(count: int) -> None:
    st.session_state[_SHOWN] = count
