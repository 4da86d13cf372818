"""What a person prefers, the language first: loaded once a session, kept in the history's database.

Knows: the keys of the Settings page, which preferences there are, and what they may be.
Refuses to know: how they are stored, and how the pages use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from comparison.presets import Preset
from dashboard.resources import Services
from errors import NaraniError

LANGUAGE = "settings_language"
PRESET = "settings_preset"
MAX_NEW_TOKENS = "settings_max_new_tokens"
MODELS = "settings_models"
EXPORT = "settings_export"
SIGN_OUT = "settings_sign_out"
THEME = "settings_theme"
LANGUAGES = ("ko", "en")
LONGEST = 131_072
MOST_MODELS = 8
PRESETS = (Preset.RECOMMENDED, Preset.GREEDY, Preset.CREATIVE)
"""The presets that need no figures of one's own."""
_OWNER = "settings_owner"
_KEPT = "settings_kept"
_LANGUAGE = "language"


@dataclass(frozen=True)
class Preferences:
    """What pages start with; the fields are the names under which they are kept."""

    language: str | None = None
    """None: the browser's."""
    preset: Preset = Preset.RECOMMENDED
    max_new_tokens: int | None = None
    """None: each model's own."""
    models: tuple[str, ...] | None = None
    """None: never chosen."""


def apply_preferences(services: Services, owner: str) -> bool:
    """Once a session, and again when the session turns out to be another owner's. Whether what is drawn
    already has to be drawn again, in another language."""
    if st.session_state.get(_OWNER) == owner:
        return False
    before = chosen_language()
    try:
        kept = services.history.preferences(owner)
    except NaraniError:  # the banner says what is wrong with the history; a page opens without preferences
        kept = {}
    st.session_state[_OWNER] = owner
    st.session_state[_KEPT] = dict(kept)
    choose_language(preferences().language)
    return chosen_language() != before


def preferences() -> Preferences:
    return read(st.session_state.get(_KEPT, {}))


def keep(services: Services, owner: str, **values: object) -> None:
    """For this session at once, and for good; raises NaraniError where it could not be kept for good."""
    st.session_state[_KEPT] = {**st.session_state.get(_KEPT, {}), **values}
    choose_language(preferences().language)
    services.history.prefer(owner, **values)


def read(kept: Mapping[str, object]) -> Preferences:
    """What is not one of ours (an older or newer Narani wrote it) counts as not chosen."""
    spoken, preset, longest, models = (kept.get(name) for name in Preferences.__dataclass_fields__)
    return Preferences(
        language=spoken if isinstance(spoken, str) and spoken in LANGUAGES else None,
        preset=next((each for each in PRESETS if each == preset), Preset.RECOMMENDED),
        max_new_tokens=longest if isinstance(longest, int) and _fits(longest) else None,
        models=tuple(map(str, models)) if isinstance(models, list | tuple) else None,
    )


def _fits(longest: int) -> bool:
    return not isinstance(longest, bool) and 1 <= longest <= LONGEST


def chosen_language() -> str | None:
    """None: the browser decides."""
    value = st.session_state.get(_LANGUAGE)
    return value if isinstance(value, str) else None


def choose_language(language: str | None) -> None:
    st.session_state[_LANGUAGE] = language
