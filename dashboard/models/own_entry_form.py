"""Writing an own entry, as a form with the TOML beside it or as the text of its file, judged as it is typed.

Knows: which fields belong together, what can be picked in each, that a message stands under its field, and
that nothing faulty can be saved.
Refuses to know: what makes a value good, TOML, and files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from dashboard.models.fault_texts import doubt_line, fault_below_field, fault_line, is_only_missing, note_line
from dashboard.models.source_reading import filled_by_itself, group_words
from dashboard.session import models
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from model_registry.drafting import Draft
from model_registry.faults import EntryFault
from model_registry.registry import Registry
from model_registry.spec import Architecture, CommercialUse

_OPEN = ("group_source", "group_model", "group_license", "group_speaking")
FieldKind = Literal["line", "area", "choice", "open_choice", "many", "flag"]
_LICENSES = ("apache-2.0", "mit", "cc-by-4.0", "cc-by-nc-4.0", "llama2", "llama3.1", "gemma", "exaone")
_QUANTIZATIONS = ("none", "int8", "nf4")
NEW: Mapping[str, object] = {"family": "own", "license.commercial": "unclear", "context_length": "2,048"}
"""What a new entry starts with, beside the defaults of the spec."""


@dataclass(frozen=True)
class EntryField:
    """One key of an entry as it is filled in."""

    key: str
    kind: FieldKind = "line"
    options: tuple[str, ...] = ()
    required: bool = False

    @property
    def words(self) -> str:
        return self.key.replace(".", "_")


GROUPS: Mapping[str, tuple[EntryField, ...]] = {
    "group_source": (EntryField("source", required=True), EntryField("revision")),
    "group_model": (
        EntryField("id", required=True),
        EntryField("title", required=True),
        EntryField("family", required=True),
        EntryField("architecture", "choice", tuple(one.value for one in Architecture), required=True),
        EntryField("parameters", required=True),
        EntryField("context_length", required=True),
    ),
    "group_license": (
        EntryField("license.name", "open_choice", _LICENSES, required=True),
        EntryField("license.commercial", "choice", tuple(use.value for use in CommercialUse), required=True),
        EntryField("license.address"),
        EntryField("license.note"),
    ),
    "group_speaking": (
        EntryField("prompt_format", "open_choice", required=True),
        EntryField("task", "choice", ("answer", "reward")),
        EntryField("thinking", "choice", ("never", "switch", "always")),
        EntryField("eos_token_ids"),
        EntryField("stop_strings", "area"),
        EntryField("base_model", "flag"),
        EntryField("improvised_format", "flag"),
    ),
    "group_loading": (
        EntryField("loading.quantizations", "many", _QUANTIZATIONS),
        EntryField("loading.default_quantization", "choice", _QUANTIZATIONS),
        EntryField("loading.dtype", "choice", ("auto", "bfloat16", "float16", "float32")),
        EntryField("loading.attention", "choice", ("sdpa", "eager")),
        EntryField("loading.lowest_transformers"),
        EntryField("tokenizer.source"),
        EntryField("tokenizer.use_fast", "flag"),
        EntryField("tokenizer.return_token_type_ids", "flag"),
        EntryField("loading.allow_pickle", "flag"),
        EntryField("loading.trust_remote_code", "flag"),
    ),
    "group_generation": tuple(
        EntryField(f"generation.{name}")
        for name in ("temperature", "top_p", "top_k", "repetition_penalty", "max_new_tokens")
    ),
    "group_more": (
        EntryField("adapter.base", "choice"),
        EntryField("adapter.subfolder"),
        EntryField("embeddings.vocabulary"),
        EntryField("embeddings.hidden_size"),
        EntryField("embeddings.tied", "flag"),
        EntryField("notes", "area"),
    ),
}
FIELDS = tuple(field for fields in GROUPS.values() for field in fields)


def own_entry_form(
    draft: Draft,
    registry: Registry,
    texts: Texts,
    read: Callable[[], None],
    save: Callable[[Draft], None],
    cancel: Callable[[], None],
) -> None:
    """`read` draws what is done with a source that was typed, below its fields."""
    fields, preview = st.columns([3, 2], gap="large")
    with fields:
        for name in GROUPS:
            keys = [field.key for field in GROUPS[name]]
            marked = any(draft.fault_at(key) is not None or key in draft.doubts for key in keys)
            if name in _OPEN or marked:
                st.markdown(f"**{texts.models[name]}**")
                group(name, draft, registry, texts)
            else:
                with st.expander(group_words(texts.models[name], keys, texts), key=f"models_{name}"):
                    group(name, draft, registry, texts)
            if name == "group_source":
                read()
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


def values_typed() -> dict[str, object]:
    """What stands in the widgets now; of those that were not drawn yet, what they will start with."""
    return {field.key: st.session_state.get(models.field_key(field.key)) for field in FIELDS}


def group(name: str, draft: Draft, registry: Registry, texts: Texts) -> None:
    fields = GROUPS[name]
    for first in range(0, len(fields), 2):
        for column, field in zip(st.columns(2, gap="medium"), fields[first : first + 2], strict=False):
            with column:
                _widget(field, registry, texts)
                filled_by_itself(field.key, texts)
                fault = draft.fault_at(field.key)
                # What nobody filled in yet is marked by its star and listed beside the form.
                if fault is not None and not is_only_missing(fault):
                    fault_below_field(fault, texts)
                elif field.key in draft.doubts:
                    doubt_line(draft.doubts[field.key], texts)


def _widget(field: EntryField, registry: Registry, texts: Texts) -> None:
    label = texts.models[f"field_{field.words}"] + (" *" if field.required else "")
    key, help = models.field_key(field.key), texts.models[f"help_{field.words}"]
    if field.kind == "line":
        st.text_input(label, key=key, help=help, persist_state="session")
    elif field.kind == "area":
        st.text_area(label, key=key, help=help, height=90, persist_state="session")
    elif field.kind == "flag":
        st.checkbox(label, key=key, help=help, persist_state="session")
    elif field.kind == "many":
        st.multiselect(
            label,
            field.options,
            key=key,
            help=help,
            format_func=lambda one: option_words(field, one, texts),
            placeholder=texts.models["choose"],
            select_all=False,
            persist_state="session",
        )
    else:
        _selectbox(field, label, help, _options(field, registry), texts)


def _selectbox(field: EntryField, label: str, help: str, options: Sequence[str], texts: Texts) -> None:
    key = models.field_key(field.key)
    now = st.session_state.get(key)
    if now == "":  # an empty text in a list of choices is a choice nobody offers
        st.session_state[key] = None
    # A faulty entry may hold what nobody offers; it must be seen to be mended.
    shown = [*options, now] if now and now not in options else list(options)
    st.selectbox(
        label,
        shown,
        index=None,
        key=key,
        help=help,
        accept_new_options=field.kind == "open_choice",
        format_func=lambda one: option_words(field, one, texts),
        placeholder=texts.models["choose_or_type" if field.kind == "open_choice" else "choose"],
        persist_state="session",
    )


def option_words(field: EntryField, option: str, texts: Texts) -> str:
    """Texts where an option has any; else its name."""
    prefixes = {
        "license.commercial": "commercial",
        "task": "task",
        "thinking": "thinking",
        "loading.quantizations": "quantization",
        "loading.default_quantization": "quantization",
    }
    return texts.models.get(f"{prefixes.get(field.key, '')}_{option}", option)


def _options(field: EntryField, registry: Registry) -> Sequence[str]:
    if field.key == "prompt_format":
        return sorted(registry.formats.by_id)
    if field.key == "adapter.base":
        return sorted(spec.id for spec in registry.models.values() if not spec.adapter and not spec.remote)
    return field.options
