"""One list of all models in a popover, to search, to narrow and to tick.

Knows: that it is sent to the browser only while it is open, because seventy models at every rerun are felt;
and that badges stand beside a box, since what stands in its label is read out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import streamlit as st

from dashboard.session.asking import PickedModels
from dashboard.session.settings import MOST_MODELS
from dashboard.shared.model_choices import (
    NARROWED_BY,
    Availability,
    ListFilter,
    ModelChoice,
    family_name,
    found_of,
)
from dashboard.shared.safe_text import is_plain, safe_text
from dashboard.texts import Texts
from model_registry.names import family_title
from model_registry.spec import CommercialUse
from settings import format_bytes, format_parameters

_LICENSE_COLORS = {CommercialUse.YES: "green", CommercialUse.NO: "red", CommercialUse.UNCLEAR: "orange"}
_WHERE_COLORS = {
    Availability.IN_USE: "blue",
    Availability.LOADED: "blue",
    Availability.PARKED: "blue",
    Availability.ON_DISK: "gray",
    Availability.TO_FETCH: "gray",
    Availability.REMOTE: "violet",
}
_WIDTH, _HEIGHT = 620, 320


def model_list(
    choices: Mapping[str, ModelChoice], picked: Sequence[str], models: PickedModels, texts: Texts
) -> None:
    opened = st.popover(
        texts.compare["pick"],
        icon=":material/checklist:",
        key=models.list_key,
        on_change="rerun",
    )
    if not opened.open:
        models.renew_ticks()
        return
    if any(
        st.session_state.get(models.tick_key(each), each in picked) != (each in picked) for each in choices
    ):
        models.renew_ticks()
    with opened, st.container(width=_WIDTH, gap="small"):
        found = _found(choices, models, texts)
        with st.container(height=_HEIGHT, border=False, gap="xxsmall"):
            if not found:
                st.caption(texts.compare["none_found"])
            for family, members in groupby(found, key=lambda choice: choice.spec.family):
                st.markdown(f"**{safe_text(family_name(family, texts))}**")
                for choice in members:
                    _row(choice, picked, models, texts)


def _found(choices: Mapping[str, ModelChoice], models: PickedModels, texts: Texts) -> list[ModelChoice]:
    with st.container(horizontal=True, gap="small"):
        words = st.text_input(
            texts.compare["search"],
            key=models.search_key,
            placeholder=texts.compare["search_hint"],
            icon=":material/search:",
            label_visibility="collapsed",
        )
        family = st.selectbox(
            texts.compare["family"],
            sorted({choice.spec.family for choice in choices.values()}, key=family_title),
            index=None,
            key=models.family_key,
            format_func=lambda family: family_name(family, texts),
            placeholder=texts.compare["any_family"],
            label_visibility="collapsed",
            width=180,
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        only = st.pills(
            texts.compare["only"],
            tuple(NARROWED_BY),
            selection_mode="multi",
            key=models.only_key,
            format_func=lambda each: texts.compare[f"only_{each}"],
            label_visibility="collapsed",
            persist_state="session",
        )
        found = found_of(choices, ListFilter(words, family, frozenset(only)), texts)
        st.caption(texts.compare["found"].format(count=len(found), all=len(choices)), width="content")
    return found


def _row(choice: ModelChoice, picked: Sequence[str], models: PickedModels, texts: Texts) -> None:
    model_id = choice.spec.id
    is_picked, key = model_id in picked, models.tick_key(model_id)
    full = len(picked) >= MOST_MODELS and not is_picked
    with st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", key=models.pick_key(model_id)
    ):
        st.checkbox(
            choice.title,
            is_picked,
            key=key,
            label_visibility="visible" if is_plain(choice.title) else "collapsed",
            disabled=full,
            help=texts.compare["too_many"].format(most=MOST_MODELS) if full else None,
            on_change=_ticked,
            args=(models, model_id, key),
        )
        beside = "" if is_plain(choice.title) else safe_text(choice.title)
        st.markdown(f"{beside} :small[{_badges(choice, texts)}]", width="content")


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
    warning = too_big(choice, texts)
    return f":red-badge[{warning}]" if warning else f":gray-badge[{format_bytes(choice.bytes)}]"


def too_big(choice: ModelChoice, texts: Texts) -> str | None:
    size = format_bytes(choice.bytes)
    return texts.compare["too_big"].format(size=size) if choice.fits is False else None


def _ticked(models: PickedModels, model_id: str, key: str) -> None:
    """As it is now, not the other way round: a run that is cut short has its changes told again."""
    models.pick(model_id, bool(st.session_state[key]))
