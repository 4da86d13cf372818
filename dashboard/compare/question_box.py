"""Where a question is typed: the box at the foot of the page, its optional input, whether it goes on.

Knows: the widgets and what was typed.
Refuses to know: who is asked.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard.session import compare
from dashboard.texts import Texts


@dataclass(frozen=True)
class Typed:
    """A question that was sent."""

    question: str
    input: str
    goes_on: bool


def sent(can_go_on: bool) -> Typed | None:
    """Known before the box is drawn, so that the answers are on the page that is drawn now."""
    if question := compare.sent_question():
        return Typed(question, compare.input_text(), can_go_on and compare.goes_on())
    example = compare.clicked_example()
    return Typed(example, "", goes_on=False) if example else None


def question_box(can_go_on: bool, waits: bool, texts: Texts) -> None:
    """`can_go_on`: there is a conversation on the page; `waits`: answers run, and a question waits for them.
    What is typed and not sent yet stays in the box while the page is drawn again."""
    with st.container(horizontal=True, vertical_alignment="center"):
        goes_on = can_go_on and st.toggle(
            texts.compare["go_on"], value=True, key=compare.GO_ON, help=texts.compare["go_on_help"]
        )
        with st.popover(
            texts.compare["input"], icon=":material/attach_file:", type="tertiary", key="compare_input_box"
        ):
            typed = st.text_area(
                texts.compare["input_label"],
                key=compare.INPUT,
                height=160,
                help=texts.compare["input_help"],
            )
    if typed:
        st.caption(texts.compare["input_there"].format(count=len(typed)))
    hint = "question_waits" if waits else "question_on" if goes_on else "question"
    st.chat_input(texts.compare[hint], key=compare.QUESTION, on_submit=compare.send_question)
