"""All models as a table that can be searched, filtered and opened row by row.

Knows: which facts stand in which column and what a filter keeps.
Refuses to know: where entries come from, and the other facts of a model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import pandas as pd
import streamlit as st
from streamlit.elements.arrow import DataframeStateInput
from streamlit.elements.lib.column_types import ColumnConfig

from dashboard.session import models
from dashboard.words import Words
from model_registry.memory import bytes_needed
from model_registry.registry import Registry
from model_registry.spec import CommercialUse, ModelSpec

_COLUMNS = (
    "title",
    "commercial",
    "parameters",
    "bytes",
    "context_length",
    "licence",
    "prompt_format",
    "family",
    "architecture",
    "quantisations",
    "demo",
    "id",
    "source",
    "revision",
)


@dataclass(frozen=True)
class Wanted:
    """What a filter keeps; empty keeps everything."""

    words: str = ""
    families: tuple[str, ...] = ()
    commercial: tuple[str, ...] = ()
    most_gigabytes: float | None = None


def registry_filters(registry: Registry, said: Words) -> Wanted:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = st.text_input(
            said.models["search"],
            key=models.SEARCH,
            placeholder=said.models["search_hint"],
            icon=":material/search:",
            persist_state="session",
        )
        families = st.multiselect(
            said.models["family"],
            sorted({spec.family for spec in registry.models.values()}),
            key=models.FAMILIES,
            placeholder=said.models["any"],
            persist_state="session",
        )
        most = st.number_input(
            said.models["fits"],
            min_value=0.1,
            value=None,
            step=1.0,
            key=models.MEMORY,
            placeholder=said.models["any"],
            help=said.models["fits_help"],
            persist_state="session",
        )
        commercial = st.pills(
            said.models["commercial"],
            [use.value for use in CommercialUse],
            selection_mode="multi",
            key=models.COMMERCIAL,
            format_func=lambda use: said.models[f"commercial_{use}"],
            persist_state="session",
        )
    return Wanted(words, tuple(families), tuple(commercial), most)


def filtered(registry: Registry, wanted: Wanted) -> list[ModelSpec]:
    return [spec for spec in registry.models.values() if _is_wanted(spec, registry, wanted)]


def registry_table(
    registry: Registry, specs: Sequence[ModelSpec], said: Words, choose: Callable[[str | None], None]
) -> None:
    """`choose` is told the id of the row that is selected, or None."""
    ids = [spec.id for spec in specs]
    key = models.table_key(crc32(" ".join(ids).encode()))

    def selected() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        choose(ids[rows[0]] if rows else None)

    st.dataframe(
        pd.DataFrame([_row(spec, registry, said) for spec in specs], columns=list(_COLUMNS)),
        column_config=_configuration(said),
        hide_index=True,
        key=key,
        on_select=selected,
        selection_mode="single-row",
        selection_default=_selection(ids),
        placeholder="",
    )


def default_bytes(spec: ModelSpec, registry: Registry) -> int:
    """The estimate at the entry's own quantisation; of an adapter with its base."""
    base = registry.base_of(spec) if spec.adapter else None
    return bytes_needed(spec, spec.loading.default_quantisation, base)


def _is_wanted(spec: ModelSpec, registry: Registry, wanted: Wanted) -> bool:
    facts = (spec.id, spec.title, spec.family, spec.architecture, spec.source, spec.licence.name)
    text = " ".join([*facts, spec.prompt_format, spec.notes]).casefold()
    return (
        all(word in text for word in wanted.words.casefold().split())
        and (not wanted.families or spec.family in wanted.families)
        and (not wanted.commercial or spec.licence.commercial in wanted.commercial)
        and (wanted.most_gigabytes is None or default_bytes(spec, registry) <= wanted.most_gigabytes * 1e9)
    )


def _row(spec: ModelSpec, registry: Registry, said: Words) -> dict[str, object]:
    return {
        "title": spec.title,
        "commercial": said.models[f"commercial_{spec.licence.commercial}"],
        "parameters": spec.parameters,
        "bytes": default_bytes(spec, registry) / 1e9,
        "context_length": spec.context_length,
        "licence": spec.licence.name,
        "prompt_format": spec.prompt_format,
        "family": spec.family,
        "architecture": spec.architecture.value,
        "quantisations": [said.models[f"quantisation_{q}"] for q in spec.loading.quantisations],
        "demo": spec.demo,
        "id": spec.id,
        "source": said.models["ships"] if spec.demo else spec.source,
        "revision": spec.revision or "",
    }


def _configuration(said: Words) -> Mapping[str, ColumnConfig | str | None]:
    names = {column: said.models[f"column_{column}"] for column in _COLUMNS}
    return {
        **names,
        "title": st.column_config.TextColumn(names["title"], pinned=True),
        "parameters": st.column_config.NumberColumn(names["parameters"], format="compact"),
        "bytes": st.column_config.NumberColumn(
            names["bytes"], format="%.2f GB", help=said.models["bytes_help"]
        ),
        "context_length": st.column_config.NumberColumn(names["context_length"], format="localized"),
        "quantisations": st.column_config.ListColumn(names["quantisations"]),
        "demo": st.column_config.CheckboxColumn(names["demo"]),
    }


def _selection(ids: list[str]) -> DataframeStateInput:
    chosen = models.chosen_model()
    return {"selection": {"rows": [ids.index(chosen)] if chosen in ids else []}}
