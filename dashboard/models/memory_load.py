"""Loading a model by hand: pick it, read what that would take, and begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.errors import show_error
from dashboard.session import models as session
from dashboard.shared.model_choices import distinct_titles
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from engines.memory import LoadPlan, ModelMemory, ResidentView
from errors import NaraniError
from model_registry.memory import bytes_needed
from model_registry.registry import Registry
from model_registry.spec import Quantization
from settings import format_bytes


def memory_load(memory: ModelMemory, registry: Registry, texts: Texts) -> None:
    st.markdown(f"**{texts.memory['load_title']}**")
    titles = distinct_titles(registry.models)
    model_id, quantization = _pick(registry, titles, texts)
    try:
        plan = memory.plan(model_id, quantization)
        fitting = _fitting(memory, registry, model_id, quantization) if plan and not plan.fits else {}
    except NaraniError as error:
        show_error(error, texts)
        return
    words = (
        plan_in_words(plan, fitting, titles, texts)
        if plan
        else _estimate(registry, model_id, quantization, texts)
    )
    if not memory.on_disk(model_id):
        words = [*words, texts.memory["to_fetch"]]
    st.markdown(" ".join(words))
    under_way = (model_id, quantization) in {
        (load.model_id, load.quantization) for load in memory.loads_by_hand() if not load.ended
    }
    reason = _reason_not_to(plan, under_way)
    st.button(
        texts.memory["load"],
        key=session.LOAD,
        icon=":material/download_for_offline:",
        type="primary",
        disabled=reason is not None,
        help=texts.memory[reason] if reason else None,
        on_click=_load,
        args=(memory, model_id, quantization),
    )


def plan_in_words(
    plan: LoadPlan, fitting: Mapping[str, int], titles: Mapping[str, str], texts: Texts
) -> list[str]:
    """Sentences in markdown; `fitting` are the quantizations that would fit instead."""
    sizes = {"need": format_bytes(plan.bytes_needed), "free": format_bytes(plan.free)}
    if plan.resident:
        return [texts.memory["plan_resident"].format(**sizes)]
    if not plan.fits:
        return [texts.memory["plan_too_big"].format(**sizes), _instead(fitting, texts)]
    sentences = [texts.memory["plan_needs"].format(**sizes)]
    if plan.parked:
        sentences.append(texts.memory["plan_parked"])
    if plan.releases:
        sentences.append(texts.memory["plan_releases"].format(models=_names(plan.releases, titles, texts)))
    if plan.waits_for:
        sentences.append(texts.memory["plan_waits"].format(models=_names(plan.waits_for, titles, texts)))
    if not plan.releases and not plan.waits_for:
        sentences.append(texts.memory["plan_fits"])
    return sentences


def _instead(fitting: Mapping[str, int], texts: Texts) -> str:
    if not fitting:
        return texts.memory["plan_nothing_fits"]
    choices = [
        f"{texts.memory[f'quantization_{name}']} ({format_bytes(size)})" for name, size in fitting.items()
    ]
    return texts.memory["plan_choose"].format(choices=", ".join(choices))


def _names(residents: Sequence[ResidentView], titles: Mapping[str, str], texts: Texts) -> str:
    named = [
        texts.memory["named"].format(
            title=safe_text(titles.get(each.model_id, each.model_id)),
            quantization=texts.memory[f"quantization_{each.quantization}"],
        )
        for each in residents
    ]
    return ", ".join(f"**{name}**" for name in named)


def _pick(registry: Registry, titles: Mapping[str, str], texts: Texts) -> tuple[str, Quantization]:
    models = {id: spec for id, spec in registry.models.items() if not spec.remote}
    which, how = st.columns([3, 1])
    model_id = which.selectbox(
        texts.memory["model"],
        sorted(models, key=lambda each: (not models[each].demo, models[each].title)),
        format_func=titles.__getitem__,
        key=session.LOAD_MODEL,
    )
    spec = models[model_id]
    offered = registry.base_of(spec).local.loading.quantizations
    default = spec.local.loading.default_quantization
    quantization: Quantization = how.selectbox(
        texts.memory["quantization"],
        offered,
        index=offered.index(default) if default in offered else 0,
        format_func=lambda each: texts.memory[f"quantization_{each}"],
        key=session.load_quantization_key(model_id),
    )
    return model_id, quantization


def _fitting(memory: ModelMemory, registry: Registry, model_id: str, besides: str) -> dict[str, int]:
    others = registry.base_of(registry.get(model_id)).local.loading.quantizations
    plans = {each: memory.plan(model_id, each) for each in others if each != besides}
    return {each: plan.bytes_needed for each, plan in plans.items() if plan and plan.fits}


def _estimate(registry: Registry, model_id: str, quantization: Quantization, texts: Texts) -> list[str]:
    spec = registry.get(model_id)
    base = None if spec.adapter is None else registry.base_of(spec)
    return [texts.memory["plan_unknown"].format(need=format_bytes(bytes_needed(spec, quantization, base)))]


def _reason_not_to(plan: LoadPlan | None, under_way: bool) -> str | None:
    if under_way:
        return "load_under_way"
    if plan is None:
        return None
    if plan.resident:
        return "load_resident"
    return None if plan.fits else "load_too_big"


def _load(memory: ModelMemory, model_id: str, quantization: str) -> None:
    memory.load(model_id, quantization)
    session.set_last_load(model_id, quantization)
