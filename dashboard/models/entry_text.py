"""The text of an own file, judged as it is typed.

Knows: how the text, what is wrong with it, and Save are drawn.
Refuses to know: how a text is judged and saved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.models.fault_texts import fault_line
from dashboard.session import models
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from model_registry.faults import EntryFault


def entry_text(
    file: str,
    was: str,
    judge: Callable[[str], Sequence[EntryFault]],
    texts: Texts,
    save: Callable[[], None],
    cancel: Callable[[], None],
) -> None:
    st.markdown(f"**{safe_text(file)}**")
    text = st.text_area(
        texts.models["text"],
        key=models.RAW,
        help=texts.models["text_help"],
        height="content",
        persist_state="session",
    )
    faults = judge(text)
    for fault in faults:
        fault_line(fault, texts)
    if not faults:
        st.caption(f":green[:material/check:] {texts.models['text_good']}")
    with st.container(horizontal=True):
        st.button(
            texts.models["save"],
            key="models_save_text",
            type="primary",
            icon=":material/save:",
            disabled=bool(faults) or text == was.replace("\r\n", "\n"),
            on_click=save,
        )
        st.button(texts.models["cancel"], key="models_cancel_text", on_click=cancel)
