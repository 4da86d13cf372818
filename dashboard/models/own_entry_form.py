"""Writing an own entry, as a form with the TOML beside it or as the text of its file, judged as it is typed.

Nothing faulty can be saved. How an entry is judged and saved is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.models.fault_texts import fault_line, is_only_missing, note_line
from dashboard.models.own_entry_fields import FIELDS, GROUPS, group
from dashboard.session import models
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from model_registry.drafting import Draft
from model_registry.faults import EntryFault
from model_registry.registry import Registry

_OPEN = ("group_model", "group_license", "group_speaking")


def own_entry_form(
    draft: Draft, registry: Registry, texts: Texts, save: Callable[[Draft], None], cancel: Callable[[], None]
) -> None:
    fields, preview = st.columns([3, 2], gap="large")
    with fields:
        for name in GROUPS:
            keys = [field.key for field in GROUPS[name]]
            marked = any(draft.fault_at(key) is not None or key in draft.doubts for key in keys)
            if name in _OPEN or marked:
                st.markdown(f"**{texts.models[name]}**")
                group(name, draft, registry, texts)
            else:
                with st.expander(texts.models[name], key=f"models_{name}"):
                    group(name, draft, registry, texts)
    with preview, st.container(key="models_preview"):
        _preview(draft, texts)
        _verdict(draft, texts)
        with st.container(horizontal=True):
            st.button(
                texts.models["save"],
                key="models_save",
                type="primary",
                icon=":material/save:",
                disabled=not draft.can_be_saved,
                on_click=save,
                args=(draft,),
            )
            st.button(texts.models["cancel"], key="models_cancel", on_click=cancel)


def _preview(draft: Draft, texts: Texts) -> None:
    named = draft.fault_at("id") is None
    st.caption(
        texts.models["preview"].format(file=draft.path.name) if named else texts.models["preview_unnamed"]
    )
    st.code(draft.toml, language="toml", wrap_lines=True)


def _verdict(draft: Draft, texts: Texts) -> None:
    """What keeps it from being saved and does not stand under a field."""
    missing = [field for field in FIELDS if _is_missing(draft.fault_at(field.key))]
    if missing:
        names = ", ".join(texts.models[f"field_{field.words}"] for field in missing)
        st.info(texts.models["still_missing"].format(names=names), icon=":material/edit:")
    for fault in draft.faults:
        if not any(draft.fault_at(field.key) is fault for field in FIELDS):
            fault_line(fault, texts)
    if draft.broken and not any(fault.kind == "taken" for fault in draft.faults):
        st.warning(texts.models["breaks"], icon=":material/link_off:")
        for fault in draft.broken:
            fault_line(fault, texts)
    for note in draft.notes:
        note_line(note, texts)
    if draft.spec is not None and draft.text == draft.was:
        st.caption(texts.models["unchanged"])


def _is_missing(fault: EntryFault | None) -> bool:
    return fault is not None and is_only_missing(fault)


def entry_text(
    file: str,
    was: str,
    judge: Callable[[str], Sequence[EntryFault]],
    texts: Texts,
    save: Callable[[], None],
    cancel: Callable[[], None],
) -> None:
    st.markdown(f"**{safe_text(file)}**")
    text = st.text_area(
        texts.models["text"],
        key=models.RAW,
        help=texts.models["text_help"],
        height="content",
        persist_state="session",
    )
    faults = judge(text)
    for fault in faults:
        fault_line(fault, texts)
    if not faults:
        st.caption(f":green[:material/check:] {texts.models['text_good']}")
    with st.container(horizontal=True):
        st.button(
            texts.models["save"],
            key="models_save_text",
            type="primary",
            icon=":material/save:",
            disabled=bool(faults) or text == was.replace("\r\n", "\n"),
            on_click=save,
        )
        st.button(texts.models["cancel"], key="models_cancel_text", on_click=cancel)
