"""The settings of answers that the pages of one question and of many both offer: preset, length and seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from comparison.presets import Preset
from dashboard.session.settings import LONGEST
from dashboard.session.shared import start_with
from dashboard.texts import Texts

_NOBODY = ""
MOST_SEED = 2**53 - 1
"""The largest whole number that a browser keeps exactly."""


def preset_choice(key: str, presets: Sequence[Preset], first: Preset, texts: Texts) -> Preset:
    start_with(key, first)
    chosen = st.segmented_control(
        texts.compare["preset"],
        presets,
        key=key,
        persist_state="session",
        required=True,
        format_func=lambda each: texts.compare[f"preset_{each}"],
        help=texts.compare["preset_help"],
    )
    return next((each for each in presets if each == chosen), first)


def longest_answer(key: str, first: int | None, texts: Texts) -> int | None:
    """In tokens; None leaves it to each model."""
    start_with(key, first)
    longest = st.number_input(
        texts.compare["max_new_tokens"],
        1,
        LONGEST,
        value=None,
        step=64,
        key=key,
        persist_state="session",
        placeholder=texts.compare["own_length"],
        help=texts.compare["max_new_tokens_help"],
    )
    return None if longest is None else int(longest)


def scorer_choice(key: str, scorers: Mapping[str, str], texts: Texts) -> str | None:
    """The reward model that scores the answers; not asked where there is none. `scorers`: titles by id."""
    if not scorers:
        return None
    if st.session_state.get(key) not in scorers:
        st.session_state[key] = _NOBODY
    chosen = st.selectbox(
        texts.compare["score_with"],
        [_NOBODY, *scorers],
        key=key,
        persist_state="session",
        format_func=lambda each: scorers.get(each, texts.compare["score_with_none"]),
        help=texts.compare["score_with_help"],
    )
    return chosen or None


def seed_choice(key: str, texts: Texts) -> int:
    help = texts.compare["seed_help"]
    seed = st.number_input(
        texts.compare["seed"], 0, MOST_SEED, step=1, key=key, persist_state="session", help=help
    )
    return int(seed or 0)
