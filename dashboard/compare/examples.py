"""What a page shows before anything was asked: what to do first, and questions to begin with.

Knows: how an example becomes a click.
Refuses to know: what the examples are.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.session import compare
from dashboard.texts import Texts


def examples(questions: Sequence[str], texts: Texts, *, enabled: bool, toys: bool) -> None:
    st.markdown(f"##### {texts.compare['empty_title']}")
    st.caption(texts.compare["intro"])
    with st.container(horizontal=True):
        for at, question in enumerate(questions):
            st.button(
                question,
                key=f"compare_example_{at}",
                disabled=not enabled,
                on_click=compare.click_example,
                args=(question,),
            )
    if toys:
        st.caption(texts.compare["demo_note"])
