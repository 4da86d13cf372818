"""Questions that were typed and are not asked yet: those that wait, and those that were not sent after all.

Knows: how each is drawn, so that nothing that was typed is lost from the page.
Refuses to know: what they wait for, and what comes of a click.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.shared.safe_text import safe_text, whole_characters
from dashboard.texts import Texts


@dataclass(frozen=True)
class Shown:
    """One of them."""

    id: str
    text: str
    input: str = ""
    models: Sequence[str] = ()
    """The titles of those it goes to."""


def waiting_questions(
    waiting: Sequence[Shown], cancel: Callable[[str], None], send_now: Callable[[], None], texts: Texts
) -> None:
    """In the order in which they are asked; only the first can be sent at once."""
    words = texts.compare
    for at, each in enumerate(waiting):
        with st.container(border=True, key=f"compare_waiting_{each.id}"):
            models = ", ".join(map(safe_text, each.models))
            st.caption(f":material/schedule: {words['waits'].format(models=models)}")
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


def unsent_questions(unsent: Sequence[Shown], discard: Callable[[str], None], texts: Texts) -> None:
    """With a button that copies them, until they are sent or thrown away."""
    for each in unsent:
        with st.container(border=True, key=f"compare_unsent_{each.id}"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(texts.compare["unsent"])
                st.button(
                    texts.compare["discard"],
                    key=f"compare_discard_{each.id}",
                    icon=":material/delete:",
                    type="tertiary",
                    on_click=discard,
                    args=(each.id,),
                )
            for text in filter(None, (each.text, each.input)):
                st.code(whole_characters(text), language=None, wrap_lines=True)
