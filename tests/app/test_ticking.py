"""A tick of an earlier drawing is turned away from the moment on that the page is drawn anew.

Run: python -m pytest tests/app/test_ticking.py
"""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

_TIMEOUT = 20


def _page() -> None:
    """Notes which fragments a tick would find: as the last run left them, and once this one has begun."""
    import streamlit as st
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    from dashboard.shared.ticking import ticking, turn_late_ticks_away

    context = get_script_run_ctx()
    assert context is not None
    storage = context.fragment_storage
    st.session_state["left"] = storage.ids_registered_after(0)
    turn_late_ticks_away()
    st.session_state["begun"] = storage.ids_registered_after(0)
    st.fragment(lambda: st.button("of a fragment with a button"))()
    st.session_state["with_button"] = storage.ids_registered_after(0) - st.session_state["begun"]
    if st.session_state.get("ended"):
        return
    place = st.empty()

    def draw() -> None:
        place.text("grows")
        if st.session_state.get("ends"):
            st.session_state["ended"] = True
            st.rerun()

    ticking(draw, 30.0)


def test_only_the_ticking_fragment_of_the_last_drawing_is_gone_when_the_page_is_drawn() -> None:
    page = AppTest.from_function(_page, default_timeout=_TIMEOUT).run()
    kept = page.session_state["with_button"]
    page.run()
    assert len(page.session_state["left"]) == 2 and len(kept) == 1
    assert page.session_state["begun"] == kept


def test_it_is_gone_as_well_when_the_ticking_fragment_itself_asked_for_the_drawing() -> None:
    page = AppTest.from_function(_page, default_timeout=_TIMEOUT).run()
    page.session_state["ends"] = True
    page.run()
    assert page.session_state["ended"] and len(page.session_state["left"]) == 2
    assert len(page.session_state["begun"]) == 1


def test_what_ticks_gets_a_new_name_at_each_drawing() -> None:
    page = AppTest.from_function(_page, default_timeout=_TIMEOUT).run()
    page.run()
    first = page.session_state["left"]
    page.run()
    assert len(first & page.session_state["left"]) == 1
    assert [text.value for text in page.text] == ["grows"]
