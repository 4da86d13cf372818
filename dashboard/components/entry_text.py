"""The text of an own file, judged as it is typed.

Knows: how the text, what is wrong with it, and Save are drawn.
Refuses to know: how a text is judged and saved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.components.fault_words import fault_line
from dashboard.components.safe_text import safe_text
from dashboard.session import models
from dashboard.words import Words
from model_registry.faults import EntryFault


def entry_text(
    file: str,
    was: str,
    judge: Callable[[str], Sequence[EntryFault]],
    said: Words,
    save: Callable[[], None],
    cancel: Callable[[], None],
) -> None:
    st.markdown(f"**{safe_text(file)}**")
    text = st.text_area(
        said.models["text"],
        key=models.RAW,
        help=said.models["text_help"],
        height="content",
        persist_state="session",
    )
    faults = judge(text)
    for fault in faults:
        fault_line(fault, said)
    if not faults:
        st.caption(f":green[:material/check:] {said.models['text_good']}")
    with st.container(horizontal=True):
        st.button(
            said.models["save"],
            key="models_save_text",
            type="primary",
            icon=":material/save:",
            disabled=bool(faults) or text == was.replace("\r\n", "\n"),
            on_click=save,
        )
        st.button(said.models["cancel"], key="models_cancel_text", on_click=cancel)
