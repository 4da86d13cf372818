"""The models that are in memory, a row each, with what may be done about them.

Knows: how a resident is drawn, and when it may be let go or kept.
Refuses to know: how that is done.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.session import memory as session
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from engines.memory import ModelMemory, PoolView, ResidentView
from settings import format_bytes

_WIDTHS = (4, 1.4, 2.2, 2.2, 3.4)


def memory_residents(memory: ModelMemory, view: PoolView, titles: Mapping[str, str], texts: Texts) -> None:
    for resident in view.residents:
        with st.container(border=True):
            name, size, state, load, actions = st.columns(_WIDTHS, vertical_alignment="center")
            name.markdown(_name(resident, titles, texts))
            size.markdown(_size(resident, texts))
            state.markdown(state_in_words(resident, texts))
            load.caption(texts.memory["load_seconds"].format(seconds=resident.load_seconds))
            with actions.container(horizontal=True, horizontal_alignment="right", gap="small"):
                _actions(memory, resident, texts)


def state_in_words(resident: ResidentView, texts: Texts) -> str:
    if resident.leases:
        return texts.memory["answering"].format(count=resident.leases)
    return texts.memory["idle"].format(time=_duration(resident.idle_seconds, texts))


def _name(resident: ResidentView, titles: Mapping[str, str], texts: Texts) -> str:
    title = safe_text(titles.get(resident.model_id, resident.model_id))
    badges = f":gray-badge[{texts.memory[f'quantization_{resident.quantization}']}]"
    if resident.kept:
        badges += f" :blue-badge[{texts.memory['kept']}]"
    names = ", ".join(safe_text(titles.get(each, each)) for each in resident.adapters)
    adapters = f"\n\n:small[{texts.memory['adapters'].format(names=names)}]" if names else ""
    return f"**{title}** {badges}{adapters}"


def _size(resident: ResidentView, texts: Texts) -> str:
    cache = texts.memory["with_cache"].format(size=format_bytes(resident.cache_bytes))
    return format_bytes(resident.weight_bytes) + (f"  \n:small[{cache}]" if resident.cache_bytes else "")


def _actions(memory: ModelMemory, resident: ResidentView, texts: Texts) -> None:
    which = (resident.model_id, resident.quantization)
    st.button(
        texts.memory["unkeep" if resident.kept else "keep"],
        key=session.keep_key(*which),
        icon=":material/keep_off:" if resident.kept else ":material/keep:",
        help=texts.memory["unkeep_help" if resident.kept else "keep_help"],
        on_click=_keep,
        args=(memory, resident, texts),
    )
    st.button(
        texts.memory["release"],
        key=session.release_key(*which),
        icon=":material/eject:",
        disabled=resident.leases > 0,
        help=texts.memory["release_in_use" if resident.leases else "release_help"],
        on_click=_release,
        args=(memory, resident, texts),
    )


def _keep(memory: ModelMemory, resident: ResidentView, texts: Texts) -> None:
    if not memory.keep_loaded(resident.model_id, resident.quantization, not resident.kept):
        st.toast(texts.memory["not_released"])


def _release(memory: ModelMemory, resident: ResidentView, texts: Texts) -> None:
    if not memory.release(resident.model_id, resident.quantization):
        st.toast(texts.memory["not_released"])


def _duration(seconds: float, texts: Texts) -> str:
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= length:
            return texts.memory[unit].format(count=int(seconds / length))
    return texts.memory["seconds"].format(count=int(seconds))
