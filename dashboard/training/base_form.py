"""What is tuned: the base, the format it learns, and the name of what comes of it.

Supervised tuning begins with a whole model; the other kinds also with a finished one, an adapter over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.session import training
from dashboard.session.shared import start_with
from dashboard.shared.model_choices import distinct_titles
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from finetune.jobs import SftSettings
from model_registry.registry import Registry
from model_registry.spec import ModelSpec
from settings import format_parameters


@dataclass(frozen=True)
class TrainingTarget:
    """What was chosen to be tuned."""

    base: ModelSpec
    format: str | None
    """None: the base's own."""
    name: str
    """Empty: made up from base, method and date."""

    @property
    def lacks_format(self) -> bool:
        return self.format is None and _needs_format(self.base)


def can_be_tuned(registry: Registry, kind: str) -> dict[str, ModelSpec]:
    """Whole models, the toys first, then adapters of this machine where the kind goes on with them."""
    here = [spec for spec in registry.answerers.values() if not spec.remote]
    whole = [spec for spec in here if not spec.adapter]
    tuned = [spec for spec in here if spec.adapter and kind != SftSettings.kind]
    whole.sort(key=lambda spec: (not spec.demo, spec.title))
    return {spec.id: spec for spec in (*whole, *sorted(tuned, key=lambda spec: spec.title))}


def training_base(registry: Registry, kind: str, texts: Texts) -> ModelSpec:
    bases = can_be_tuned(registry, kind)
    start_with(training.BASE, next(iter(bases)))
    if st.session_state[training.BASE] not in bases:
        st.session_state[training.BASE] = next(iter(bases))
    chosen = st.selectbox(
        texts.training["base"],
        list(bases),
        key=training.BASE,
        persist_state="session",
        format_func=distinct_titles(bases).__getitem__,
        help=texts.training["base_help" if kind == SftSettings.kind else "base_help_tuned"],
    )
    spec = bases[chosen]
    if spec.adapter:
        below = registry.base_of(spec).title
        st.caption(texts.training["base_tuned"].format(base=safe_text(below)))
        return spec
    st.caption(
        texts.training["base_facts"].format(
            parameters=format_parameters(spec.local.parameters),
            context=f"{spec.local.context_length:,}",
            format=safe_text(spec.prompt_format),
            license=safe_text(spec.license.name),
        )
    )
    return spec


def training_target(
    spec: ModelSpec, formats: Sequence[str], wished: str | None, texts: Texts
) -> TrainingTarget:
    """`wished`: the format that the recipe was published with."""
    left, right = st.columns(2)
    with left:
        format_id = _format(spec, formats, wished, texts)
    with right:
        name = st.text_input(
            texts.training["name"],
            key=training.NAME,
            persist_state="session",
            max_chars=60,
            placeholder=texts.training["name_hint"],
            help=texts.training["name_help"],
        )
    return TrainingTarget(spec, format_id, name.strip())


def _format(spec: ModelSpec, known: Sequence[str], wished: str | None, texts: Texts) -> str | None:
    """One widget for each base and recipe, since each has another default."""
    key = f"{training.FORMAT}_{spec.id}_{wished or ''}"
    start_with(key, wished)
    chosen: str | None = st.selectbox(
        texts.training["format"],
        known,
        index=None,
        key=key,
        persist_state="session",
        placeholder=texts.training["format_needed" if _needs_format(spec) else "format_own"],
        help=texts.training["format_help"],
    )
    return chosen


def _needs_format(spec: ModelSpec) -> bool:
    return spec.base_model and spec.prompt_format == "plain"
