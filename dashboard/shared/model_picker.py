"""The models that are picked, a row each, and the list to pick others from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.session.asking import PickedModels
from dashboard.session.settings import MOST_MODELS
from dashboard.shared.model_choices import ModelChoice
from dashboard.shared.model_list import model_list, too_big
from dashboard.shared.safe_text import icon_label, safe_text
from dashboard.texts import Texts
from settings import format_bytes

_ROWS = """<style>
[class*="_picked_models"] p { line-height: 1.2; }
[class*="_picked_models"] button { min-height: 1.8rem; padding-top: 0; padding-bottom: 0; }
</style>"""
"""Streamlit's own are as high as two of these: eight of them and the search have to fit a usual window."""


def model_picker(
    choices: Mapping[str, ModelChoice],
    picked: Sequence[str],
    models: PickedModels,
    texts: Texts,
    none_picked: str = "",
) -> None:
    """What is picked stands in the session; a tick in the list changes it at once."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{texts.compare['models']}** :gray-badge[{len(picked)}/{MOST_MODELS}]")
        model_list(choices, picked, models, texts)
    if not picked:
        st.caption(none_picked or texts.compare["pick_first"])
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
            st.markdown(f":small[{_short_size(choice)}]", width="content", help=too_big(choice, texts))
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
        help=too_big(choice, texts) or texts.compare["quantization"],
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


def _short_size(choice: ModelChoice) -> str:
    """Without the words, which a row has no room for; a mark beside the color, and the words on a touch."""
    if choice.spec.remote:
        return f":gray[{choice.spec.remote.server}]"
    size = format_bytes(choice.bytes)
    return f":red[:material/warning: {size}]" if choice.fits is False else f":gray[{size}]"


def _change_quantization(models: PickedModels, model_id: str) -> None:
    models.set_quantization(model_id, st.session_state[models.quantization_key(model_id)])
