"""What the history page remembers: what is looked for, which page of it, what is ticked and open."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

SEARCH = "history_search"
MODELS = "history_models"
DATES = "history_dates"
STATES = "history_states"
MARKS = "history_marks"
SAMPLING = "history_sampling"
FORMAT = "history_format"
BATCHES = "history_batches"
_OPEN = "open"
_BEFORE = "history_before"
_DELETED = "history_deleted"
_AGAIN = "history_asked_again"
_CONTINUED = "history_continued"
_TICK = "history_tick_"


def opened() -> str | None:
    """The run in the address that is shown whole."""
    return st.query_params.get(_OPEN)


def address_of(run_id: str) -> dict[str, str]:
    return {_OPEN: run_id}


def before() -> list[int]:
    """The run numbers that the pages walked through begin before; empty on the newest page."""
    return list(st.session_state.get(_BEFORE, []))


def go_older(number: int) -> None:
    st.session_state[_BEFORE] = [*before(), number]


def go_newer() -> None:
    st.session_state[_BEFORE] = before()[:-1]


def go_newest() -> None:
    st.session_state[_BEFORE] = []


def tick_key(run_id: str) -> str:
    return f"{_TICK}{run_id}"


def ticked() -> tuple[str, ...]:
    """The runs that are picked for export or deletion, on this and on other pages of the list."""
    return tuple(
        str(key).removeprefix(_TICK)
        for key, value in st.session_state.items()
        if str(key).startswith(_TICK) and value is True
    )


def untick(run_ids: Sequence[str]) -> None:
    for run_id in run_ids:
        st.session_state[tick_key(run_id)] = False


def deleted() -> tuple[str, ...]:
    """What was deleted last and can still be brought back."""
    return tuple(st.session_state.get(_DELETED, ()))


def set_deleted(run_ids: Sequence[str]) -> None:
    st.session_state[_DELETED] = list(run_ids)


def set_continued(run_id: str) -> None:
    """A button of one of its answers was pressed to go on from it: Streamlit leaves no page from there."""
    st.session_state[_CONTINUED] = run_id


def take_continued() -> str | None:
    """Told once."""
    value = st.session_state.pop(_CONTINUED, None)
    return value if isinstance(value, str) else None


def asked_again(run_id: str) -> str | None:
    """The run in which this one was asked once more."""
    again: dict[str, str] = st.session_state.get(_AGAIN, {})
    return again.get(run_id)


def set_asked_again(run_id: str, new_run_id: str) -> None:
    st.session_state[_AGAIN] = {**st.session_state.get(_AGAIN, {}), run_id: new_run_id}
