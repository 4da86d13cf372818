"""The settings of answers that the pages of one question and of many both offer: preset, length and seed."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from comparison.presets import Preset
from dashboard.session.settings import LONGEST
from dashboard.session.shared import start_with
from dashboard.texts import Texts

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


def seed_choice(key: str, texts: Texts) -> int:
    help = texts.compare["seed_help"]
    seed = st.number_input(
        texts.compare["seed"], 0, MOST_SEED, step=1, key=key, persist_state="session", help=help
    )
    return int(seed or 0)
