"""The memory of models: what is in it, what may be done about it, and what happened.

Knows: the order of its parts, and that it redraws itself only while something is loading or answering.
Refuses to know: how each part is drawn, and how models are loaded or let go.
"""

from __future__ import annotations

import streamlit as st

from dashboard.components.memory_bar import memory_bar
from dashboard.components.memory_history import memory_history
from dashboard.components.memory_load import memory_load
from dashboard.components.memory_loads import memory_loads
from dashboard.components.memory_residents import memory_residents
from dashboard.model_choices import told_apart
from dashboard.session import memory as session
from dashboard.words import Words
from engines.memory import ModelMemory, PoolView
from model_registry.registry import Registry

_SECONDS = 1.0


def memory_panel(memory: ModelMemory, registry: Registry, said: Words) -> None:
    was_busy = _is_busy(memory)

    @st.fragment(run_every=_SECONDS if was_busy else None)
    def panel() -> None:
        busy, view = _is_busy(memory), memory.view()
        titles = told_apart(registry.models)
        _whole(view, titles, said)
        memory_loads(memory, titles, said)
        if view is not None:
            memory_residents(memory, view, titles, said)
        memory_load(memory, registry, said)
        if view is not None:
            memory_history(view, titles, said)
        if busy != was_busy:
            st.rerun()

    panel()


def _whole(view: PoolView | None, titles: dict[str, str], said: Words) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(said.memory["title"], width="stretch")
        st.button(said.memory["refresh"], key=session.REFRESH, icon=":material/refresh:", type="tertiary")
    if view is not None:
        memory_bar(view, titles, said)
    if view is None or not view.residents:
        st.info(said.memory["empty"], icon=":material/memory:")


def _is_busy(memory: ModelMemory) -> bool:
    view = memory.view()
    asked = view is not None and (view.waiting > 0 or any(each.leases for each in view.residents))
    return asked or any(not load.ended for load in memory.loads_by_hand())
