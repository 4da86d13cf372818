"""All models as a table that can be searched, filtered and opened row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler
from streamlit.elements.arrow import DataframeStateInput
from streamlit.elements.lib.column_types import ColumnConfig

from dashboard.session import models
from dashboard.shared.model_choices import facts_to_search, family_name
from dashboard.texts import Texts
from model_registry.memory import bytes_needed
from model_registry.registry import Registry
from model_registry.spec import CommercialUse, ModelSpec
from settings import format_bytes, format_parameters

_COLUMNS = (
    "title",
    "commercial",
    "parameters",
    "bytes",
    "context_length",
    "license",
    "prompt_format",
    "family",
    "architecture",
    "quantizations",
    "demo",
    "task",
    "id",
    "source",
    "revision",
)


@dataclass(frozen=True)
class RegistryFilter:
    """What a filter keeps; empty keeps everything."""

    words: str = ""
    families: tuple[str, ...] = ()
    commercial: tuple[str, ...] = ()
    most_gigabytes: float | None = None


def registry_filters(registry: Registry, texts: Texts) -> RegistryFilter:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = st.text_input(
            texts.models["search"],
            key=models.SEARCH,
            placeholder=texts.models["search_hint"],
            icon=":material/search:",
            persist_state="session",
        )
        families = st.multiselect(
            texts.models["family"],
            sorted({spec.family for spec in registry.models.values()}),
            format_func=lambda family: family_name(family, texts),
            key=models.FAMILIES,
            placeholder=texts.models["any"],
            select_all=False,
            persist_state="session",
        )
        most = st.number_input(
            texts.models["fits"],
            min_value=0.1,
            value=None,
            step=1.0,
            key=models.MEMORY,
            placeholder=texts.models["any"],
            help=texts.models["fits_help"],
            persist_state="session",
        )
        commercial = st.pills(
            texts.models["commercial"],
            [use.value for use in CommercialUse],
            selection_mode="multi",
            key=models.COMMERCIAL,
            format_func=lambda use: texts.models[f"commercial_{use}"],
            persist_state="session",
        )
    return RegistryFilter(words, tuple(families), tuple(commercial), most)


def filtered(registry: Registry, wanted: RegistryFilter, texts: Texts) -> list[ModelSpec]:
    return [spec for spec in registry.models.values() if _is_wanted(spec, registry, wanted, texts)]


def registry_table(
    registry: Registry, specs: Sequence[ModelSpec], texts: Texts, choose: Callable[[str | None], None]
) -> None:
    """`choose` is told the id of the row that is selected, or None."""
    ids = [spec.id for spec in specs]
    key = models.table_key(crc32(" ".join(ids).encode()))

    def selected() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        choose(ids[rows[0]] if rows else None)

    st.dataframe(
        _written(pd.DataFrame([_row(spec, registry, texts) for spec in specs], columns=list(_COLUMNS))),
        column_config=_configuration(texts),
        hide_index=True,
        key=key,
        on_select=selected,
        selection_mode="single-row",
        selection_default=_selection(ids),
        placeholder="",
    )


def default_bytes(spec: ModelSpec, registry: Registry) -> int | None:
    """The estimate at the entry's own quantization, of an adapter with its base; None of a remote service."""
    if spec.remote:
        return None
    base = registry.base_of(spec) if spec.adapter else None
    return bytes_needed(spec, spec.local.loading.default_quantization, base)


def _is_wanted(spec: ModelSpec, registry: Registry, wanted: RegistryFilter, texts: Texts) -> bool:
    text = f"{facts_to_search(spec, texts)} {spec.license.name} {spec.prompt_format} {spec.notes}".casefold()
    return (
        all(word in text for word in wanted.words.casefold().split())
        and (not wanted.families or spec.family in wanted.families)
        and (not wanted.commercial or spec.license.commercial in wanted.commercial)
        and (
            wanted.most_gigabytes is None
            or (default_bytes(spec, registry) or 0) <= wanted.most_gigabytes * 1e9
        )
    )


def _written(rows: pd.DataFrame) -> Styler:
    """Sizes as they are written everywhere else; the table sorts by the figures behind them."""
    figures = {"parameters": format_parameters, "bytes": format_bytes}
    return rows.style.format({name: _or_nothing(write) for name, write in figures.items()})


def _or_nothing(write: Callable[[int], str]) -> Callable[[Any], str]:
    return lambda figure: "" if pd.isna(figure) else write(int(figure))


def _row(spec: ModelSpec, registry: Registry, texts: Texts) -> dict[str, object]:
    size = default_bytes(spec, registry)
    return {
        "title": spec.title,
        "commercial": texts.models[f"commercial_{spec.license.commercial}"],
        "bytes": size,
        "license": spec.license.name,
        "prompt_format": spec.prompt_format,
        "family": family_name(spec.family, texts),
        "demo": spec.demo,
        "task": texts.models[f"task_{spec.task}"],
        "id": spec.id,
        **({"source": spec.remote.url} if spec.remote else _of_weights(spec, texts)),
    }


def _of_weights(spec: ModelSpec, texts: Texts) -> dict[str, object]:
    weights = spec.local
    return {
        "parameters": weights.parameters,
        "context_length": weights.context_length,
        "architecture": weights.architecture.value,
        "quantizations": [texts.models[f"quantization_{q}"] for q in weights.loading.quantizations],
        "source": texts.models["ships"] if spec.demo else weights.source,
        "revision": weights.revision or "",
    }


def _configuration(texts: Texts) -> Mapping[str, ColumnConfig | str | None]:
    names = {column: texts.models[f"column_{column}"] for column in _COLUMNS}
    return {
        **names,
        "title": st.column_config.TextColumn(names["title"], pinned=True),
        "bytes": st.column_config.NumberColumn(names["bytes"], help=texts.models["bytes_help"]),
        "context_length": st.column_config.NumberColumn(names["context_length"], format="localized"),
        "quantizations": st.column_config.ListColumn(names["quantizations"]),
        "demo": st.column_config.CheckboxColumn(names["demo"]),
    }


def _selection(ids: list[str]) -> DataframeStateInput:
    chosen = models.chosen_model()
    return {"selection": {"rows": [ids.index(chosen)] if chosen in ids else []}}
