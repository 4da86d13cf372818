"""What a page shows before anything was asked: what to do first, and questions to begin with.

Knows: how an example becomes a click.
Refuses to know: what the examples are.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.words import Words


def examples(questions: Sequence[str], said: Words, *, enabled: bool, toys: bool) -> str | None:
    """The question that was clicked."""
    st.markdown(f"##### {said.compare['empty_title']}")
    st.caption(said.compare["intro"])
    clicked = None
    with st.container(horizontal=True):
        for at, question in enumerate(questions):
            if st.button(question, key=f"compare_example_{at}", disabled=not enabled):
                clicked = question
    if toys:
        st.caption(said.compare["demo_note"])
    return clicked
