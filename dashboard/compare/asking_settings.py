"""How the models are to answer: a preset or one's own figures, seed, length, system text, another format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from comparison.asking import HowToAnswer
from comparison.presets import GenerationChoice, Preset
from dashboard.session import compare
from dashboard.session.shared import start_with
from dashboard.shared.answer_settings import (
    MOST_SEED,
    longest_answer,
    preset_choice,
    scorer_choice,
    seed_choice,
)
from dashboard.shared.thinking import thinking_choice, thinking_of
from dashboard.texts import Texts
from engines.base import GenerationSettings

_OWN = ""
"""The option that leaves each model its own format."""

_MOST_TEMPERATURE, _LEAST_TOP_P, _MOST_TOP_K = 2.0, 0.05, 1000
_REPETITION_PENALTY = (0.5, 2.0)


def set_asking(how: HowToAnswer) -> None:
    """As if set by hand; before the widgets are drawn. Figures beyond what they offer are cut."""
    custom = how.choice.custom
    values: dict[str, object] = {
        compare.PRESET: how.choice.preset,
        compare.MAX_NEW_TOKENS: how.choice.max_new_tokens,
        compare.SEED: min(how.choice.seed, MOST_SEED),
        compare.SYSTEM: how.system,
        compare.FORMAT: how.format_id or _OWN,
        compare.REPRODUCIBLE: how.reproducible,
        compare.THINKING: thinking_of(how),
        compare.SCORE_WITH: how.score_with or "",
    }
    if how.choice.preset is Preset.CUSTOM:
        values[compare.TEMPERATURE] = min(float(custom.temperature), _MOST_TEMPERATURE)
        values[compare.TOP_P] = max(float(custom.top_p), _LEAST_TOP_P)
        values[compare.TOP_K] = min(custom.top_k, _MOST_TOP_K)
        low, high = _REPETITION_PENALTY
        values[compare.REPETITION_PENALTY] = min(max(float(custom.repetition_penalty), low), high)
    for key, value in values.items():
        st.session_state[key] = value


def asking_settings(
    formats: Sequence[str],
    scorers: Mapping[str, str],
    switching: Sequence[str],
    defaults: GenerationChoice,
    texts: Texts,
) -> HowToAnswer:
    """`scorers`: the reward models there are, their titles by id; `switching`: those of the models picked
    whose thinking can be switched."""
    with st.expander(texts.compare["settings"], icon=":material/tune:"):
        preset = preset_choice(compare.PRESET, list(Preset), defaults.preset, texts)
        custom = _custom(texts) if preset is Preset.CUSTOM else GenerationSettings()
        longest = longest_answer(compare.MAX_NEW_TOKENS, defaults.max_new_tokens, texts)
        choice = GenerationChoice(preset, custom, longest, seed_choice(compare.SEED, texts))
        system, format_id = _system(texts), _format(formats, texts)
        scorer = scorer_choice(compare.SCORE_WITH, scorers, texts)
        thinking = thinking_choice(compare.THINKING, switching, texts)
        alone = _reproducible(texts)
        return HowToAnswer(choice, system, format_id, alone, score_with=scorer, thinking=thinking)


def _custom(texts: Texts) -> GenerationSettings:
    start_with(compare.TEMPERATURE, 0.7)
    start_with(compare.TOP_P, 0.9)
    start_with(compare.REPETITION_PENALTY, 1.0)
    words = texts.compare
    return GenerationSettings(
        temperature=st.slider(
            words["temperature"],
            0.0,
            _MOST_TEMPERATURE,
            step=0.05,
            key=compare.TEMPERATURE,
            persist_state="session",
        ),
        top_p=st.slider(
            words["top_p"], _LEAST_TOP_P, 1.0, step=0.05, key=compare.TOP_P, persist_state="session"
        ),
        top_k=int(
            st.number_input(words["top_k"], 0, _MOST_TOP_K, key=compare.TOP_K, persist_state="session")
        ),
        repetition_penalty=st.slider(
            words["repetition_penalty"],
            *_REPETITION_PENALTY,
            step=0.05,
            key=compare.REPETITION_PENALTY,
            persist_state="session",
        ),
    )


def _system(texts: Texts) -> str:
    return st.text_area(
        texts.compare["system"],
        key=compare.SYSTEM,
        persist_state="session",
        height=80,
        help=texts.compare["system_help"],
    )


def _format(formats: Sequence[str], texts: Texts) -> str | None:
    chosen = st.selectbox(
        texts.compare["format"],
        [_OWN, *formats],
        key=compare.FORMAT,
        persist_state="session",
        format_func=lambda each: each or texts.compare["own_format"],
        help=texts.compare["format_help"],
    )
    return chosen or None


def _reproducible(texts: Texts) -> bool:
    return st.toggle(
        texts.compare["reproducible"],
        key=compare.REPRODUCIBLE,
        persist_state="session",
        help=texts.compare["reproducible_help"],
    )
