"""How the models are to answer: a preset or one's own figures, seed, length, system text, another format.

Knows: which widgets there are and what comes of them.
Refuses to know: models, and what a preset means for each.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from comparison.asking import HowToAnswer
from comparison.presets import GenerationChoice, Preset
from dashboard.session import compare
from dashboard.session.kept import forget, keep, restore
from dashboard.texts import Texts
from engines.base import GenerationSettings

_OWN = ""
"""Each model's own format."""

_MOST_TEMPERATURE, _LEAST_TOP_P, _MOST_TOP_K, _MOST_SEED = 2.0, 0.05, 1000, 2**53 - 1
_REPETITION_PENALTY = (0.5, 2.0)


def set_asking(how: HowToAnswer) -> None:
    """As if set by hand; before the widgets are drawn. Figures beyond what they offer are cut."""
    custom = how.choice.custom
    values: dict[str, object] = {
        compare.PRESET: how.choice.preset,
        compare.MAX_NEW_TOKENS: how.choice.max_new_tokens,
        compare.SEED: min(how.choice.seed, _MOST_SEED),
        compare.SYSTEM: how.system,
        compare.FORMAT: how.format_id or _OWN,
        compare.REPRODUCIBLE: how.reproducible,
    }
    if how.choice.preset is Preset.CUSTOM:
        values[compare.TEMPERATURE] = min(float(custom.temperature), _MOST_TEMPERATURE)
        values[compare.TOP_P] = max(float(custom.top_p), _LEAST_TOP_P)
        values[compare.TOP_K] = min(custom.top_k, _MOST_TOP_K)
        low, high = _REPETITION_PENALTY
        values[compare.REPETITION_PENALTY] = min(max(float(custom.repetition_penalty), low), high)
    for key, value in values.items():
        forget(key)
        keep(key, value)


def asking_settings(formats: Sequence[str], defaults: GenerationChoice, texts: Texts) -> HowToAnswer:
    with st.expander(texts.compare["settings"], icon=":material/tune:"):
        restore(compare.PRESET, defaults.preset)
        preset = st.segmented_control(
            texts.compare["preset"],
            list(Preset),
            key=compare.PRESET,
            required=True,
            format_func=lambda each: texts.compare[f"preset_{each}"],
            help=texts.compare["preset_help"],
        )
        preset = keep(compare.PRESET, preset or Preset.RECOMMENDED)
        custom = _custom(texts) if preset is Preset.CUSTOM else GenerationSettings()
        choice = GenerationChoice(preset, custom, _longest(defaults, texts), _seed(texts))
        return HowToAnswer(choice, _system(texts), _format(formats, texts), _reproducible(texts))


def _custom(texts: Texts) -> GenerationSettings:
    restore(compare.TEMPERATURE, 0.7)
    restore(compare.TOP_P, 0.9)
    restore(compare.TOP_K, 0)
    restore(compare.REPETITION_PENALTY, 1.0)
    words = texts.compare
    return GenerationSettings(
        temperature=keep(
            compare.TEMPERATURE,
            st.slider(words["temperature"], 0.0, _MOST_TEMPERATURE, step=0.05, key=compare.TEMPERATURE),
        ),
        top_p=keep(compare.TOP_P, st.slider(words["top_p"], _LEAST_TOP_P, 1.0, step=0.05, key=compare.TOP_P)),
        top_k=keep(compare.TOP_K, int(st.number_input(words["top_k"], 0, _MOST_TOP_K, key=compare.TOP_K))),
        repetition_penalty=keep(
            compare.REPETITION_PENALTY,
            st.slider(
                words["repetition_penalty"], *_REPETITION_PENALTY, step=0.05, key=compare.REPETITION_PENALTY
            ),
        ),
    )


def _longest(defaults: GenerationChoice, texts: Texts) -> int | None:
    restore(compare.MAX_NEW_TOKENS, defaults.max_new_tokens)
    longest = st.number_input(
        texts.compare["max_new_tokens"],
        1,
        131_072,
        value=None,
        step=64,
        key=compare.MAX_NEW_TOKENS,
        placeholder=texts.compare["own_length"],
        help=texts.compare["max_new_tokens_help"],
    )
    return keep(compare.MAX_NEW_TOKENS, None if longest is None else int(longest))


def _seed(texts: Texts) -> int:
    restore(compare.SEED, 0)
    seed = st.number_input(
        texts.compare["seed"], 0, _MOST_SEED, step=1, key=compare.SEED, help=texts.compare["seed_help"]
    )
    return keep(compare.SEED, int(seed or 0))


def _system(texts: Texts) -> str:
    restore(compare.SYSTEM, "")
    return keep(
        compare.SYSTEM,
        st.text_area(
            texts.compare["system"], key=compare.SYSTEM, height=80, help=texts.compare["system_help"]
        ),
    )


def _format(formats: Sequence[str], texts: Texts) -> str | None:
    restore(compare.FORMAT, _OWN)
    chosen = st.selectbox(
        texts.compare["format"],
        [_OWN, *formats],
        key=compare.FORMAT,
        format_func=lambda each: each or texts.compare["own_format"],
        help=texts.compare["format_help"],
    )
    return keep(compare.FORMAT, chosen) or None


def _reproducible(texts: Texts) -> bool:
    restore(compare.REPRODUCIBLE, False)
    return keep(
        compare.REPRODUCIBLE,
        st.toggle(
            texts.compare["reproducible"], key=compare.REPRODUCIBLE, help=texts.compare["reproducible_help"]
        ),
    )
