"""The memory of models: what is in it, what is being loaded, what may be done about it, and what happened.

It is drawn again each second, but only while something is loading or answering.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.errors import plainly, show_error
from dashboard.models.memory_charts import memory_bar, memory_history
from dashboard.models.memory_load import memory_load
from dashboard.session import models as session
from dashboard.shared.model_choices import distinct_titles
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from engines.memory import LiveLoad, ModelMemory, PoolView, ResidentView, StepChoice
from model_registry.registry import Registry
from settings import format_bytes

_SECONDS = 1.0
_WIDTHS = (4, 1.4, 2.2, 2.2, 3.4)
_DOING = ("engine", "memory", "download", "weights", "adapter")


def memory_panel(memory: ModelMemory, registry: Registry, texts: Texts) -> None:
    was_busy = _is_busy(memory)

    @st.fragment(run_every=_SECONDS if was_busy else None)
    def panel() -> None:
        busy, view = _is_busy(memory), memory.view()
        titles = distinct_titles(registry.models)
        _whole(view, titles, texts)
        memory_loads(memory, titles, texts)
        if view is not None:
            memory_residents(memory, view, titles, texts)
            memory_parked(memory, view, titles, texts)
        memory_load(memory, registry, texts)
        if view is not None:
            memory_history(view, titles, texts)
        if busy != was_busy:
            st.rerun()

    panel()


def _whole(view: PoolView | None, titles: dict[str, str], texts: Texts) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(texts.memory["title"], width="stretch")
        st.button(
            texts.memory["refresh"], key=session.REFRESH_MEMORY, icon=":material/refresh:", type="tertiary"
        )
    if view is not None:
        memory_bar(view, titles, texts)
    if view is None or not (view.residents or view.parked):
        st.info(texts.memory["empty"], icon=":material/memory:")


def _is_busy(memory: ModelMemory) -> bool:
    view = memory.view()
    asked = view is not None and (view.waiting > 0 or any(each.leases for each in view.residents))
    return asked or any(not load.ended for load in memory.loads_by_hand())


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
            st.caption(step_in_words(resident.step, texts))
            for adapter, step in resident.adapter_steps:
                st.caption(step_in_words(step, texts, titles.get(adapter, adapter)))


def memory_parked(memory: ModelMemory, view: PoolView, titles: Mapping[str, str], texts: Texts) -> None:
    for parked in view.parked:
        with st.container(border=True):
            name, size, state, load, actions = st.columns(_WIDTHS, vertical_alignment="center")
            name.markdown(_name(parked, titles, texts, texts.memory["parked"]))
            size.markdown(format_bytes(parked.host_bytes))
            state.markdown(state_in_words(parked, texts))
            load.caption(texts.memory["parked_wakes"])
            with actions.container(horizontal=True, horizontal_alignment="right"):
                _release_button(memory, parked, texts, texts.memory["release_parked_help"])


def step_in_words(step: StepChoice, texts: Texts, adapter: str = "") -> str:
    """Markdown: how the model (or the adapter of that title) computes a token, and why so."""
    reasons = " ".join(safe_text(plainly(each, texts)) for each in step.reasons)
    names = {"name": texts.memory[f"step_{step.name}"], "adapter": safe_text(adapter)}
    named = texts.memory["step_of_adapter" if adapter else "step"].format(**names)
    return f"{named} {reasons}" if reasons else named


def state_in_words(resident: ResidentView, texts: Texts) -> str:
    if resident.leases:
        return texts.memory["answering"].format(count=resident.leases)
    return texts.memory["idle"].format(time=_duration(resident.idle_seconds, texts))


def _name(resident: ResidentView, titles: Mapping[str, str], texts: Texts, where: str = "") -> str:
    title = safe_text(titles.get(resident.model_id, resident.model_id))
    badges = f":gray-badge[{texts.memory[f'quantization_{resident.quantization}']}]"
    if where:
        badges += f" :gray-badge[{where}]"
    if resident.kept:
        badges += f" :blue-badge[{texts.memory['kept']}]"
    names = ", ".join(safe_text(titles.get(each, each)) for each in resident.adapters)
    adapters = f"\n\n:small[{texts.memory['adapters'].format(names=names)}]" if names else ""
    return f"**{title}** {badges}{adapters}"


def _size(resident: ResidentView, texts: Texts) -> str:
    beside = {
        "with_cache": resident.cache_bytes,
        "with_steps": resident.step_bytes,
        "with_copy": resident.host_bytes,
    }
    lines = [texts.memory[name].format(size=format_bytes(size)) for name, size in beside.items() if size]
    return "  \n".join([format_bytes(resident.weight_bytes), *(f":small[{line}]" for line in lines)])


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
    help = texts.memory["release_in_use" if resident.leases else "release_help"]
    _release_button(memory, resident, texts, help)


def _release_button(memory: ModelMemory, resident: ResidentView, texts: Texts, help: str) -> None:
    st.button(
        texts.memory["release"],
        key=session.release_key(resident.model_id, resident.quantization),
        icon=":material/eject:",
        disabled=resident.leases > 0,
        help=help,
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
    if load.error.category == "stopped":
        st.caption(
            texts.memory["was_stopped"].format(title=safe_text(titles.get(load.model_id, load.model_id)))
        )
    else:
        show_error(load.error, texts)
