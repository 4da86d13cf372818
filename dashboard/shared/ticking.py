"""A part of the page that is drawn again every so often, until the whole page is drawn anew.

Knows: how Streamlit loses drawings when a tick comes late, and how that is kept from happening.
Refuses to know: what is drawn. It must hold no widgets: a click on one could be turned away with the tick.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.session import shared


def ticking(draw: Callable[[], None], seconds: float) -> None:
    """What a fragment drew and Streamlit has not sent yet is dropped when the fragment runs again, and what
    stands behind it moves up into its place: so all that `draw` draws stands in containers of its own."""

    def tick() -> None:
        draw()

    # A tick that is under way while the page is drawn anew must not find this fragment again: a busy server
    # then throws away what was just drawn, and the page stands still. Its name is its identity.
    tick.__qualname__ += f"_{secrets.token_hex(4)}"
    context = get_script_run_ctx()
    if context is None:
        return
    before = context.fragment_storage.registration_sequence()
    try:
        with st.container():
            st.fragment(tick, run_every=seconds)()
    finally:
        st.session_state[shared.TICKING] = context.fragment_storage.ids_registered_after(before)


def turn_late_ticks_away() -> None:
    """Called first when the whole page is drawn. A tick of the page before it that arrives just as this run
    ends is taken for a new run, and Streamlit drops the end of this one: half a page that never ticks again.
    It looks whether the fragment is still there before that, so the fragment must be gone by then."""
    context = get_script_run_ctx()
    late: frozenset[str] = st.session_state.pop(shared.TICKING, frozenset())
    if late and context is not None:
        storage = context.fragment_storage
        storage.clear(storage.ids_registered_after(0) - late)
