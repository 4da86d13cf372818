"""Loading a model by hand: pick it, read what that would take, and begin.

Knows: how a plan is said in words, and when there is nothing to begin.
Refuses to know: how plans are made and models are loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.components.safe_text import safe_text
from dashboard.errors import show_error
from dashboard.model_choices import told_apart
from dashboard.session import memory as session
from dashboard.words import Words
from engines.memory import LoadPlan, ModelMemory, ResidentView
from errors import NaraniError
from model_registry.memory import bytes_needed
from model_registry.registry import Registry
from model_registry.spec import Quantisation
from settings import format_bytes


def memory_load(memory: ModelMemory, registry: Registry, said: Words) -> None:
    st.markdown(f"**{said.memory['load_title']}**")
    titles = told_apart(registry.models)
    model_id, quantisation = _pick(registry, titles, said)
    try:
        plan = memory.plan(model_id, quantisation)
        fitting = _fitting(memory, registry, model_id, quantisation) if plan and not plan.fits else {}
    except NaraniError as error:
        show_error(error, said)
        return
    words = (
        plan_in_words(plan, fitting, titles, said)
        if plan
        else _estimate(registry, model_id, quantisation, said)
    )
    if not memory.on_disk(model_id):
        words = [*words, said.memory["to_fetch"]]
    st.markdown(" ".join(words))
    under_way = (model_id, quantisation) in {
        (load.model_id, load.quantisation) for load in memory.loads_by_hand() if not load.ended
    }
    reason = _reason_not_to(plan, under_way)
    st.button(
        said.memory["load"],
        key=session.LOAD,
        icon=":material/download_for_offline:",
        type="primary",
        disabled=reason is not None,
        help=said.memory[reason] if reason else None,
        on_click=_load,
        args=(memory, model_id, quantisation),
    )


def plan_in_words(
    plan: LoadPlan, fitting: Mapping[str, int], titles: Mapping[str, str], said: Words
) -> list[str]:
    """Sentences in markdown; `fitting` are the quantisations that would fit instead."""
    sizes = {"need": format_bytes(plan.bytes_needed), "free": format_bytes(plan.free)}
    if plan.resident:
        return [said.memory["plan_resident"].format(**sizes)]
    if not plan.fits:
        return [said.memory["plan_too_big"].format(**sizes), _instead(fitting, said)]
    sentences = [said.memory["plan_needs"].format(**sizes)]
    if plan.releases:
        sentences.append(said.memory["plan_releases"].format(models=_names(plan.releases, titles, said)))
    if plan.waits_for:
        sentences.append(said.memory["plan_waits"].format(models=_names(plan.waits_for, titles, said)))
    if not plan.releases and not plan.waits_for:
        sentences.append(said.memory["plan_fits"])
    return sentences


def _instead(fitting: Mapping[str, int], said: Words) -> str:
    if not fitting:
        return said.memory["plan_nothing_fits"]
    choices = [
        f"{said.memory[f'quantisation_{name}']} ({format_bytes(size)})" for name, size in fitting.items()
    ]
    return said.memory["plan_choose"].format(choices=", ".join(choices))


def _names(residents: Sequence[ResidentView], titles: Mapping[str, str], said: Words) -> str:
    named = [
        said.memory["named"].format(
            title=safe_text(titles.get(each.model_id, each.model_id)),
            quantisation=said.memory[f"quantisation_{each.quantisation}"],
        )
        for each in residents
    ]
    return ", ".join(f"**{name}**" for name in named)


def _pick(registry: Registry, titles: Mapping[str, str], said: Words) -> tuple[str, Quantisation]:
    models = registry.models
    which, how = st.columns([3, 1])
    model_id = which.selectbox(
        said.memory["model"],
        sorted(models, key=lambda each: (not models[each].demo, models[each].title)),
        format_func=titles.__getitem__,
        key=session.MODEL,
    )
    spec = models[model_id]
    offered = registry.base_of(spec).loading.quantisations
    default = spec.loading.default_quantisation
    quantisation: Quantisation = how.selectbox(
        said.memory["quantisation"],
        offered,
        index=offered.index(default) if default in offered else 0,
        format_func=lambda each: said.memory[f"quantisation_{each}"],
        key=session.quantisation_key(model_id),
    )
    return model_id, quantisation


def _fitting(memory: ModelMemory, registry: Registry, model_id: str, besides: str) -> dict[str, int]:
    others = registry.base_of(registry.get(model_id)).loading.quantisations
    plans = {each: memory.plan(model_id, each) for each in others if each != besides}
    return {each: plan.bytes_needed for each, plan in plans.items() if plan and plan.fits}


def _estimate(registry: Registry, model_id: str, quantisation: Quantisation, said: Words) -> list[str]:
    spec = registry.get(model_id)
    base = None if spec.adapter is None else registry.base_of(spec)
    return [said.memory["plan_unknown"].format(need=format_bytes(bytes_needed(spec, quantisation, base)))]


def _reason_not_to(plan: LoadPlan | None, under_way: bool) -> str | None:
    if under_way:
        return "load_under_way"
    if plan is None:
        return None
    if plan.resident:
        return "load_resident"
    return None if plan.fits else "load_too_big"


def _load(memory: ModelMemory, model_id: str, quantisation: str) -> None:
    memory.load(model_id, quantisation)
    session.set_last_load(model_id, quantisation)
