"""Which models the questions go to, how they are to answer, and how many questions are asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from comparison.presets import GenerationChoice
from dashboard.session import batch
from dashboard.session.settings import MOST_MODELS, PRESETS, Preferences
from dashboard.session.shared import start_with
from dashboard.shared.answer_settings import longest_answer, preset_choice, scorer_choice, seed_choice
from dashboard.shared.model_choices import distinct_titles
from dashboard.shared.thinking import switching_thinking, thinking_choice
from dashboard.texts import Texts
from model_registry.spec import ModelSpec

_ASKED_AT_FIRST = 1000
"""How many questions are asked where nobody says: one careless click does not ask a file of a million."""


@dataclass(frozen=True)
class BatchForm:
    """What a person set for a batch."""

    models: tuple[str, ...]
    choice: GenerationChoice
    limit: int
    score_with: str | None = None
    thinking: Mapping[str, bool] = field(default_factory=dict)


def batch_asking(
    specs: Mapping[str, ModelSpec],
    scorers: Mapping[str, ModelSpec],
    preferred: Preferences,
    count: int,
    texts: Texts,
) -> BatchForm:
    """`count`: how many questions there are. `scorers`: the reward models."""
    models = _models(specs, preferred, texts)
    left, *others = st.columns([2, 1, 1, 1], vertical_alignment="bottom")
    with left:
        preset = preset_choice(batch.PRESET, PRESETS, preferred.preset, texts)
    with others[0]:
        longest = longest_answer(batch.MAX_NEW_TOKENS, preferred.max_new_tokens, texts)
    with others[1]:
        seed = seed_choice(batch.SEED, texts)
    with others[2]:
        limit = _limit(count, texts)
    choice = GenerationChoice(preset, max_new_tokens=longest, seed=seed)
    scorer = scorer_choice(batch.SCORE_WITH, distinct_titles(scorers), texts)
    switching = switching_thinking(models, specs)
    thinking = thinking_choice(batch.THINKING, switching, texts) if switching else {}
    return BatchForm(models, choice, limit, scorer, thinking)


def _models(specs: Mapping[str, ModelSpec], preferred: Preferences, texts: Texts) -> tuple[str, ...]:
    demo = [spec.id for spec in specs.values() if spec.demo and spec.adapter is None]
    wanted = demo if preferred.models is None else preferred.models
    start_with(batch.MODELS, [model_id for model_id in wanted if model_id in specs][:MOST_MODELS])
    st.session_state[batch.MODELS] = [each for each in st.session_state[batch.MODELS] if each in specs]
    picked = st.multiselect(
        texts.batch["models"],
        list(specs),
        key=batch.MODELS,
        persist_state="session",
        max_selections=MOST_MODELS,
        format_func=distinct_titles(specs).__getitem__,
        placeholder=texts.batch["models_hint"],
        select_all=False,
    )
    return tuple(picked)


def _limit(count: int, texts: Texts) -> int:
    limit = st.number_input(
        texts.batch["limit"],
        1,
        count,
        value=None,
        key=batch.LIMIT,
        persist_state="session",
        placeholder=texts.batch["limit_hint"].format(count=min(count, _ASKED_AT_FIRST)),
        help=texts.batch["limit_help"].format(count=_ASKED_AT_FIRST),
    )
    return int(limit or min(count, _ASKED_AT_FIRST))
