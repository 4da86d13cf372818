"""The memory of models: what is in it, what may be done about it, and what happened.

Knows: the order of its parts, and that it redraws itself only while something is loading or answering.
Refuses to know: how each part is drawn, and how models are loaded or let go.
"""

from __future__ import annotations

import streamlit as st

from dashboard.models.memory_bar import memory_bar
from dashboard.models.memory_history import memory_history
from dashboard.models.memory_load import memory_load
from dashboard.models.memory_loads import memory_loads
from dashboard.models.memory_residents import memory_residents
from dashboard.session import memory as session
from dashboard.shared.model_choices import told_apart
from dashboard.texts import Texts
from engines.memory import ModelMemory, PoolView
from model_registry.registry import Registry

_SECONDS = 1.0


def memory_panel(memory: ModelMemory, registry: Registry, texts: Texts) -> None:
    was_busy = _is_busy(memory)

    @st.fragment(run_every=_SECONDS if was_busy else None)
    def panel() -> None:
        busy, view = _is_busy(memory), memory.view()
        titles = told_apart(registry.models)
        _whole(view, titles, texts)
        memory_loads(memory, titles, texts)
        if view is not None:
            memory_residents(memory, view, titles, texts)
        memory_load(memory, registry, texts)
        if view is not None:
            memory_history(view, titles, texts)
        if busy != was_busy:
            st.rerun()

    panel()


def _whole(view: PoolView | None, titles: dict[str, str], texts: Texts) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(texts.memory["title"], width="stretch")
        st.button(texts.memory["refresh"], key=session.REFRESH, icon=":material/refresh:", type="tertiary")
    if view is not None:
        memory_bar(view, titles, texts)
    if view is None or not view.residents:
        st.info(texts.memory["empty"], icon=":material/memory:")


def _is_busy(memory: ModelMemory) -> bool:
    view = memory.view()
    asked = view is not None and (view.waiting > 0 or any(each.leases for each in view.residents))
    return asked or any(not load.ended for load in memory.loads_by_hand())
