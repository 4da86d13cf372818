"""Where a question is typed: the box at the foot of the page, its optional input, whether it goes on.

Knows: the widgets and what was typed.
Refuses to know: who is asked.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard.session import compare
from dashboard.words import Words


@dataclass(frozen=True)
class Typed:
    """A question that was sent."""

    question: str
    input: str
    goes_on: bool


def question_box(can_go_on: bool, said: Words) -> Typed | None:
    """`can_go_on`: there is a conversation on the page, and all of it has been answered."""
    compare.clear_input_if_asked()
    with st.container(horizontal=True, vertical_alignment="center"):
        goes_on = can_go_on and st.toggle(
            said.compare["go_on"], value=True, key=compare.GO_ON, help=said.compare["go_on_help"]
        )
        with st.popover(
            said.compare["input"], icon=":material/attach_file:", type="tertiary", key="compare_input_box"
        ):
            typed = st.text_area(
                said.compare["input_label"],
                key=compare.INPUT,
                height=160,
                help=said.compare["input_help"],
            )
    if typed:
        st.caption(said.compare["input_there"].format(count=len(typed)))
    hint = said.compare["question_on" if goes_on else "question"]
    question = st.chat_input(hint, key=compare.QUESTION)
    return Typed(question, typed, bool(goes_on)) if question else None
