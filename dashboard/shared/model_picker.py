"""The models to pick from, by family, each with what one should know before picking it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.session.asking import PickedModels
from dashboard.session.settings import MOST_MODELS
from dashboard.shared.model_choices import Availability, ModelChoice, families, family_name
from dashboard.shared.safe_text import icon_label, is_plain, safe_text
from dashboard.texts import Texts
from model_registry.spec import CommercialUse
from settings import format_bytes, format_parameters

_LICENSE_COLORS = {CommercialUse.YES: "green", CommercialUse.NO: "red", CommercialUse.UNCLEAR: "orange"}
_WHERE_COLORS = {
    Availability.IN_USE: "blue",
    Availability.LOADED: "blue",
    Availability.ON_DISK: "gray",
    Availability.TO_FETCH: "gray",
    Availability.REMOTE: "violet",
}

_ROWS = """<style>
[class*="_picked_models"] p { line-height: 1.2; }
[class*="_picked_models"] button { min-height: 1.8rem; padding-top: 0; padding-bottom: 0; }
</style>"""
"""Streamlit's own are as high as two of these: eight of them and the search have to fit a usual window."""


def model_picker(
    choices: Mapping[str, ModelChoice],
    picked: Sequence[str],
    top: DeltaGenerator,
    models: PickedModels,
    texts: Texts,
    none_picked: str = "",
) -> None:
    """What is picked stands in the session; a tick changes it at once. The search and what is picked stand in
    `top`, whatever is drawn between them and the models to pick from."""
    with top:
        search = st.text_input(
            texts.compare["search"],
            key=models.search_key,
            placeholder=texts.compare["search_hint"],
            icon=":material/search:",
            label_visibility="collapsed",
        )
        _picked_models(choices, picked, models, texts, none_picked or texts.compare["pick_first"])
    found = families(choices, search, texts)
    if not found:
        st.caption(texts.compare["none_found"])
    for family, members in found.items():
        _family(family, members, picked, bool(search), models, texts)


def _family(
    family: str,
    members: Sequence[ModelChoice],
    picked: Sequence[str],
    found: bool,
    models: PickedModels,
    texts: Texts,
) -> None:
    """Its models are sent to the browser only while it is open: seventy of them at every rerun are felt."""
    count = sum(choice.spec.id in picked for choice in members)
    badge = f" :gray-badge[{count}/{len(members)}]" if count else ""
    opened = st.expander(
        f"{safe_text(family_name(family, texts))}{badge}",
        expanded=found or any(choice.spec.demo for choice in members),
        key=models.family_key(family, found),
        on_change="rerun",
    )
    if opened.open:
        with opened:
            for choice in members:
                _tick(choice, picked, models, texts)


def _picked_models(
    choices: Mapping[str, ModelChoice],
    picked: Sequence[str],
    models: PickedModels,
    texts: Texts,
    none_picked: str,
) -> None:
    st.markdown(f"**{texts.compare['models']}** :gray-badge[{len(picked)}/{MOST_MODELS}]")
    if not picked:
        st.caption(none_picked)
    st.html(_ROWS)
    with st.container(gap="xxsmall", key=models.rows_key):
        for model_id in picked:
            _picked_model(choices[model_id], models, texts)


def _picked_model(choice: ModelChoice, models: PickedModels, texts: Texts) -> None:
    """One row."""
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xxsmall"):
        st.markdown(f":small[{safe_text(choice.title)}]", width="stretch")
        if len(choice.quantizations) > 1:
            _quantization(choice, models, texts)
        else:
            st.markdown(f":small[{_short_size(choice)}]", width="content", help=_fits(choice, texts))
        st.button(
            icon_label(texts.compare["remove"].format(title=choice.title)),
            key=models.remove_key(choice.spec.id),
            icon=":material/close:",
            help=texts.compare["remove"].format(title=safe_text(choice.title)),
            type="tertiary",
            on_click=models.pick,
            args=(choice.spec.id, False),
        )


def _quantization(choice: ModelChoice, models: PickedModels, texts: Texts) -> None:
    """Its options are sent once it is opened, as those of the families are."""
    key = models.quantization_key(choice.spec.id)
    box = st.popover(
        f":small[{texts.compare[f'quantization_{choice.quantization}']} {_short_size(choice)}]",
        type="tertiary",
        key=f"{key}_box",
        help=_fits(choice, texts) or texts.compare["quantization"],
        on_change="rerun",
        width="content",
    )
    if not box.open:
        return
    if key not in st.session_state:
        st.session_state[key] = choice.quantization
    with box:
        st.radio(
            texts.compare["quantization"],
            choice.quantizations,
            key=key,
            format_func=lambda each: texts.compare[f"quantization_{each}"],
            captions=[texts.compare[f"quantization_{each}_says"] for each in choice.quantizations],
            on_change=_change_quantization,
            args=(models, choice.spec.id),
        )


def _fits(choice: ModelChoice, texts: Texts) -> str | None:
    size = format_bytes(choice.bytes)
    return texts.compare["too_big"].format(size=size) if choice.fits is False else None


def _tick(choice: ModelChoice, picked: Sequence[str], models: PickedModels, texts: Texts) -> None:
    model_id = choice.spec.id
    is_picked = model_id in picked
    key = models.pick_key(model_id)
    if st.session_state.get(key) is not is_picked:  # else the browser is told what it may have left already
        st.session_state[key] = is_picked
    full = len(picked) >= MOST_MODELS and not is_picked
    with st.container(horizontal=True, gap="xsmall"):
        st.checkbox(
            choice.title,
            key=key,
            label_visibility="visible" if is_plain(choice.title) else "collapsed",
            disabled=full,
            help=texts.compare["too_many"].format(most=MOST_MODELS) if full else None,
            on_change=_ticked,
            args=(models, model_id),
        )
        beside = "" if is_plain(choice.title) else safe_text(choice.title)
        st.markdown(f"{beside} {_badges(choice, texts)}", width="content")


def _badges(choice: ModelChoice, texts: Texts) -> str:
    spec = choice.spec
    license = texts.compare[f"commercial_{spec.license.commercial}"]
    where = texts.compare[f"where_{choice.where}"]
    badges = [
        f":{_LICENSE_COLORS[spec.license.commercial]}-badge[{license}]",
        f":{_WHERE_COLORS[choice.where]}-badge[{where}]",
    ]
    if not spec.remote:
        badges = [f":gray-badge[{format_parameters(spec.local.parameters)}]", *badges, _size(choice, texts)]
    if spec.base_model:
        badges.append(f":gray-badge[{texts.compare['base_model']}]")
    return " ".join(badges)


def _size(choice: ModelChoice, texts: Texts) -> str:
    too_big = _fits(choice, texts)
    return f":red-badge[{too_big}]" if too_big else f":gray-badge[{format_bytes(choice.bytes)}]"


def _short_size(choice: ModelChoice) -> str:
    """Without the words, which a row has no room for; a mark beside the color, and the words on a touch."""
    if choice.spec.remote:
        return f":gray[{choice.spec.remote.server}]"
    size = format_bytes(choice.bytes)
    return f":red[:material/warning: {size}]" if choice.fits is False else f":gray[{size}]"


def _ticked(models: PickedModels, model_id: str) -> None:
    """As it is now, not the other way round: a run that is cut short has its changes told again."""
    models.pick(model_id, bool(st.session_state[models.pick_key(model_id)]))


def _change_quantization(models: PickedModels, model_id: str) -> None:
    models.set_quantization(model_id, st.session_state[models.quantization_key(model_id)])
