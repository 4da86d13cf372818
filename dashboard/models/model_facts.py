"""Every fact of one model's entry, with where it was read and how sure it is.

A fact that nobody could read is marked as unsure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st
from pydantic import BaseModel

from dashboard.shared.model_choices import family_name
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from model_registry.memory import bytes_needed
from model_registry.registry import Registry
from model_registry.spec import ModelSpec
from settings import format_bytes, format_parameters

_ADDRESS = re.compile(r"https://([A-Za-z0-9.-]+)(?:/[A-Za-z0-9._~%/?=&#+-]*)?")


def model_facts(registry: Registry, spec: ModelSpec, texts: Texts) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(safe_text(spec.title), anchor=False, width="content")
        for badge in _badges(spec, texts):
            st.markdown(badge, width="content")
    if spec.notes:
        st.caption(safe_text(texts.said(spec.notes)))
    left, right = st.columns(2, gap="large")
    with left:
        _table(texts.models["facts_model"], _of_model(spec, texts), spec, texts)
        _table(texts.models["facts_license"], _of_license(spec, texts), spec, texts)
        _table(texts.models["facts_bytes"], _of_bytes(registry, spec, texts), spec, texts)
    with right:
        _table(texts.models["facts_speaking"], _of_speaking(spec, texts), spec, texts)
        _table(texts.models["facts_loading"], _of_loading(spec), spec, texts)
        _table(texts.models["facts_generation"], _written("generation", spec.generation), spec, texts)
    _references(registry, spec, texts)


FactValues = Mapping[str, str]
"""The key of a fact and its value; a fact without a value is not shown."""


def _of_model(spec: ModelSpec, texts: Texts) -> FactValues:
    whose = {"id": spec.id, "family": family_name(spec.family, texts)}
    if spec.remote:
        service = spec.remote
        return {
            **whose,
            "server": service.server,
            "url": service.url,
            "served_name": service.served_name,
            "transport": service.transport,
            "key_variable": service.key_variable or "",
        }
    weights = spec.local
    return {
        **whose,
        "source": texts.models["ships"] if spec.demo else weights.source,
        "revision": weights.revision or "",
        "architecture": weights.architecture.value,
        "parameters": format_parameters(weights.parameters),
        "context_length": f"{weights.context_length:,}",
        "adapter_base": spec.adapter.base if spec.adapter else "",
        "adapter_subfolder": spec.adapter.subfolder if spec.adapter else "",
        **_written("embeddings", weights.embeddings),
    }


def _of_license(spec: ModelSpec, texts: Texts) -> FactValues:
    return {
        "license_name": spec.license.name,
        "license_commercial": texts.models[f"commercial_{spec.license.commercial}"],
        "license_note": texts.said(spec.license.note),
        "license_address": spec.license.address,
    }


def _of_bytes(registry: Registry, spec: ModelSpec, texts: Texts) -> FactValues:
    if spec.remote:
        return {}
    base = registry.base_of(spec) if spec.adapter else None
    return {
        f"quantization_{q}": f"{format_bytes(bytes_needed(spec, q, base))} ({texts.models['estimate']})"
        for q in spec.local.loading.quantizations
    }


def _of_speaking(spec: ModelSpec, texts: Texts) -> FactValues:
    ends = () if spec.remote else spec.local.eos_token_ids
    return {
        "prompt_format": spec.prompt_format,
        "task": texts.models[f"task_{spec.task}"],
        "thinking": texts.models[f"thinking_{spec.thinking}"],
        "eos_token_ids": ", ".join(map(str, ends)) or ("" if spec.remote else texts.models["eos_unknown"]),
        "stop_strings": " ".join(repr(stop) for stop in spec.stop_strings),
    }


def _of_loading(spec: ModelSpec) -> FactValues:
    if spec.remote:
        return {}
    loading, tokenizer = spec.local.loading, spec.local.tokenizer
    shown = {
        "loading_dtype": loading.dtype,
        "loading_default_quantization": loading.default_quantization,
        "loading_attention": loading.attention,
        "loading_lowest_transformers": loading.lowest_transformers,
        "loading_trust_remote_code": _yes(loading.trust_remote_code),
        "loading_allow_pickle": _yes(loading.allow_pickle),
        "tokenizer_use_fast": _yes(tokenizer.use_fast),
        "tokenizer_return_token_type_ids": _yes(tokenizer.return_token_type_ids),
        "tokenizer_source": tokenizer.source or "",
    }
    return shown


def _written(key: str, inner: BaseModel | None) -> FactValues:
    """What an inner table of the entry says, as far as it says anything."""
    values: dict[str, Any] = inner.model_dump(exclude_none=True) if inner is not None else {}
    shown = {name: _yes(value) if isinstance(value, bool) else str(value) for name, value in values.items()}
    return {f"{key}_{name}": value for name, value in shown.items()}


def _yes(value: bool) -> str:
    return "✓" if value else "–"


def _badges(spec: ModelSpec, texts: Texts) -> Iterable[str]:
    use = spec.license.commercial
    color = {"yes": "green", "no": "red", "unclear": "orange"}[use]
    yield f":{color}-badge[{texts.models['commercial']}: {texts.models[f'commercial_{use}']}]"
    if spec.demo:
        yield f":blue-badge[{texts.models['column_demo']}]"
    if spec.task == "reward":
        yield f":violet-badge[{texts.models['task_reward']}]"
    if spec.base_model:
        yield f":gray-badge[{texts.models['field_base_model']}]"
    if spec.improvised_format:
        yield f":gray-badge[{texts.models['field_improvised_format']}]"


def _table(title: str, facts: FactValues, spec: ModelSpec, texts: Texts) -> None:
    shown = {key: value for key, value in facts.items() if value}
    if not shown:
        return
    lines = [f"| {title} | |", "|:--|:--|"]
    for key, value in shown.items():
        label = texts.models.get(f"field_{key}") or texts.models[key]
        unsure = key in spec.unsure or key.split("_")[0] in spec.unsure
        mark = f" :orange-badge[{texts.models['unsure']}]" if unsure else ""
        lines.append(f"| {label} | {_linked(value)}{mark} |")
    st.markdown("\n".join(lines))


def _linked(value: str) -> str:
    """A plain address as a link of one word: written out it would squeeze the labels."""
    address = _ADDRESS.fullmatch(value)
    return f"[{safe_text(address[1])}]({value})" if address else safe_text(value)


def _references(registry: Registry, spec: ModelSpec, texts: Texts) -> None:
    lines = [f"| {texts.models['read_what']} | {texts.models['read_where']} | |", "|:--|:--|:--|"]
    for reference in spec.references:
        mark = "" if reference.sure else f":orange-badge[{texts.models['unsure']}]"
        what, where = texts.said(reference.what), texts.said(reference.where)
        lines.append(f"| {safe_text(what)} | {safe_text(where)} | {mark} |")
    if spec.references:
        st.markdown("\n".join(lines))
    else:
        st.caption(texts.models["no_references"])
    st.caption(texts.models["origin"].format(file=safe_text(registry.origin(spec.id))))
