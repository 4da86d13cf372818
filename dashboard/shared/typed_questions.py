"""Questions to begin with, and questions that were typed and not asked, so that nothing typed is lost."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.session.asking import TypedQuestions
from dashboard.shared.safe_text import whole_characters
from dashboard.texts import Texts


def example_buttons(questions: Sequence[str], typed: TypedQuestions, *, enabled: bool) -> None:
    with st.container(horizontal=True):
        for at, question in enumerate(questions):
            st.button(
                question,
                key=f"{typed.page}_example_{at}",
                disabled=not enabled,
                on_click=typed.click_example,
                args=(question,),
            )


def unsent_questions(typed: TypedQuestions, texts: Texts) -> None:
    """With a button that copies them, until they are sent or thrown away."""
    for id, parts in typed.unsent().items():
        with st.container(border=True, key=f"{typed.page}_unsent_{id}"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(texts.compare["unsent"])
                st.button(
                    texts.compare["discard"],
                    key=f"{typed.page}_discard_{id}",
                    icon=":material/delete:",
                    type="tertiary",
                    on_click=typed.discard_unsent,
                    args=(id,),
                )
            for text in filter(None, parts):
                st.code(whole_characters(text), language=None, wrap_lines=True)
