"""What is tuned: the base, the format it learns, and the name of what comes of it.

Knows: which models of the registry can be a base, and when a format must be named.
Refuses to know: settings, data and runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.components.safe_text import safe_text
from dashboard.model_choices import told_apart
from dashboard.session import training
from dashboard.session.kept import keep, restore
from dashboard.words import Words
from model_registry.registry import Registry
from model_registry.spec import ModelSpec


@dataclass(frozen=True)
class Wanted:
    """What was chosen."""

    base: ModelSpec
    format: str | None
    """None: the base's own."""
    name: str
    """Empty: made up from base, method and date."""

    @property
    def lacks_format(self) -> bool:
        return self.format is None and _needs_format(self.base)


def can_be_tuned(registry: Registry) -> dict[str, ModelSpec]:
    """Whole models, the toys first; an adapter is tuned by tuning the model under it."""
    whole = [spec for spec in registry.models.values() if spec.adapter is None]
    return {spec.id: spec for spec in sorted(whole, key=lambda spec: (not spec.demo, spec.title))}


def training_base(registry: Registry, said: Words) -> ModelSpec:
    bases = can_be_tuned(registry)
    restore(training.BASE, next(iter(bases)))
    if st.session_state[training.BASE] not in bases:
        st.session_state[training.BASE] = next(iter(bases))
    chosen = st.selectbox(
        said.training["base"],
        list(bases),
        key=training.BASE,
        format_func=told_apart(bases).__getitem__,
        help=said.training["base_help"],
    )
    spec = bases[keep(training.BASE, chosen)]
    st.caption(
        said.training["base_facts"].format(
            parameters=_count(spec.parameters),
            context=f"{spec.context_length:,}",
            format=safe_text(spec.prompt_format),
            licence=safe_text(spec.licence.name),
        )
    )
    return spec


def training_target(spec: ModelSpec, formats: Sequence[str], wished: str | None, said: Words) -> Wanted:
    """`wished`: the format that the recipe was published with."""
    left, right = st.columns(2)
    with left:
        format_id = _format(spec, formats, wished, said)
    with right:
        restore(training.NAME, "")
        name = st.text_input(
            said.training["name"],
            key=training.NAME,
            max_chars=60,
            placeholder=said.training["name_hint"],
            help=said.training["name_help"],
        )
        keep(training.NAME, name)
    return Wanted(spec, format_id, name.strip())


def _format(spec: ModelSpec, known: Sequence[str], wished: str | None, said: Words) -> str | None:
    """One widget for each base and recipe, since each has another default."""
    key = f"{training.FORMAT}_{spec.id}_{wished or ''}"
    restore(key, wished)
    chosen: str | None = st.selectbox(
        said.training["format"],
        known,
        index=None,
        key=key,
        placeholder=said.training["format_needed" if _needs_format(spec) else "format_own"],
        help=said.training["format_help"],
    )
    return keep(key, chosen)


def _needs_format(spec: ModelSpec) -> bool:
    return spec.base_model and spec.prompt_format == "plain"


def _count(parameters: int) -> str:
    if parameters >= 10**9:
        return f"{parameters / 10**9:.1f}B"
    return f"{parameters / 10**6:.1f}M"
