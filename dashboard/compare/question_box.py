"""Where a question is typed, examples to begin with, and questions that wait until answers have ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.compare.picked_answer import picked_line
from dashboard.session import compare
from dashboard.shared.safe_text import safe_text, whole_characters
from dashboard.shared.typed_questions import example_buttons
from dashboard.texts import Texts


@dataclass(frozen=True)
class TypedQuestion:
    """A question that was sent."""

    question: str
    input: str
    goes_on: bool


def sent(can_go_on: bool) -> TypedQuestion | None:
    """Known before the box is drawn, so that the answers are on the page that is drawn now."""
    if question := compare.TYPED.sent_question():
        return TypedQuestion(question, compare.input_text(), can_go_on and compare.goes_on())
    example = compare.TYPED.clicked_example()
    return TypedQuestion(example, "", goes_on=False) if example else None


def question_box(can_go_on: bool, waits: bool, picked: str, texts: Texts) -> None:
    """`can_go_on`: there is a conversation on the page; `waits`: answers run, and a question waits for them;
    `picked`: whose answer all go on with, where one was picked.
    What is typed and not sent yet stays in the box while the page is drawn again."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if picked:
            picked_line(picked, texts)
        goes_on = bool(picked) or (
            can_go_on
            and st.toggle(
                texts.compare["go_on"], value=True, key=compare.GO_ON, help=texts.compare["go_on_help"]
            )
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
    st.chat_input(texts.compare[hint], key=compare.TYPED.box_key, on_submit=compare.TYPED.send_question)


def examples(questions: Sequence[str], texts: Texts, *, enabled: bool, toys: bool) -> None:
    st.markdown(f"##### {texts.compare['empty_title']}")
    st.caption(texts.compare["intro"])
    example_buttons(questions, compare.TYPED, enabled=enabled)
    if toys:
        st.caption(texts.compare["demo_note"])


@dataclass(frozen=True)
class ShownQuestion:
    """A question that waits, as it is drawn."""

    id: str
    text: str
    input: str = ""
    models: Sequence[str] = ()
    """The titles of the models it goes to."""
    picked: str = ""
    """Whose answer all of them go on with, where one was picked."""


def waiting_questions(
    waiting: Sequence[ShownQuestion],
    cancel: Callable[[str], None],
    send_now: Callable[[], None],
    texts: Texts,
) -> None:
    """In the order in which they are asked; only the first can be sent at once."""
    words = texts.compare
    for at, each in enumerate(waiting):
        with st.container(border=True, key=f"compare_waiting_{each.id}"):
            models = ", ".join(map(safe_text, each.models))
            st.caption(f":material/schedule: {words['waits'].format(models=models)}")
            if each.picked:
                st.caption(f":material/call_split: {words['picked'].format(name=each.picked)}")
            st.text(whole_characters(each.text))
            if each.input:
                st.caption(words["input_there"].format(count=len(each.input)))
            with st.container(horizontal=True):
                if at == 0:
                    st.button(
                        words["send_now"],
                        key="compare_send_now",
                        icon=":material/stop_circle:",
                        on_click=send_now,
                    )
                st.button(
                    words["cancel_waiting"],
                    key=f"compare_cancel_{each.id}",
                    icon=":material/close:",
                    on_click=cancel,
                    args=(each.id,),
                )
