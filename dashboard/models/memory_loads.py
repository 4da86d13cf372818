"""The loads by hand that are under way, and why the one this person began last did not come about.

Knows: how a live load is drawn, and that anyone may stop one.
Refuses to know: how models are loaded.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.errors import show_error
from dashboard.session import memory as session
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from engines.memory import LiveLoad, ModelMemory

_DOING = ("engine", "memory", "download", "weights", "adapter")


def memory_loads(memory: ModelMemory, titles: Mapping[str, str], texts: Texts) -> None:
    for load in memory.loads_by_hand():
        if not load.ended:
            _under_way(load, titles, texts)
        elif load.error is not None and session.last_load() == (load.model_id, load.quantization):
            _did_not_come(load, titles, texts)


def _under_way(load: LiveLoad, titles: Mapping[str, str], texts: Texts) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        note = load.note if load.note in _DOING else "weights"
        doing = texts.memory["stopping" if load.stop_asked else f"doing_{note}"]
        title = safe_text(titles.get(load.model_id, load.model_id))
        st.progress(load.progress or 0.0, text=f"**{title}** · {doing}")
        st.button(
            texts.memory["stop"],
            key=session.stop_key(load.model_id, load.quantization),
            icon=":material/stop_circle:",
            disabled=load.stop_asked,
            on_click=load.ask_to_stop,
        )


def _did_not_come(load: LiveLoad, titles: Mapping[str, str], texts: Texts) -> None:
    assert load.error is not None
    if load.error.code == "stopped":
        st.caption(
            texts.memory["was_stopped"].format(title=safe_text(titles.get(load.model_id, load.model_id)))
        )
    else:
        show_error(load.error, texts)
