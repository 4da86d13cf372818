"""The language, and what the page that asks starts with.

Knows: the widgets, and that a choice counts as soon as it is made.
Refuses to know: where choices are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from comparison.presets import Preset
from dashboard.session import settings
from dashboard.session.settings import Preferences
from dashboard.texts import Texts

Keep = Callable[..., None]
"""Called with the preference that changed, by its name."""
_BROWSER = "browser"


def language_choice(now: Preferences, texts: Texts, keep: Keep) -> None:
    def chosen() -> None:
        spoken = st.session_state[settings.LANGUAGE]
        keep(language=None if spoken == _BROWSER else spoken)

    st.session_state[settings.LANGUAGE] = now.language or _BROWSER
    st.radio(
        texts.settings["language"],
        (_BROWSER, *settings.LANGUAGES),
        key=settings.LANGUAGE,
        format_func=lambda spoken: texts.settings[f"language_{spoken}"],
        on_change=chosen,
        horizontal=True,
        label_visibility="collapsed",
    )


def asking_defaults(now: Preferences, titles: Mapping[str, str], texts: Texts, keep: Keep) -> None:
    """`titles` of all models by id; one that is preferred but no longer there is left out."""
    _models(now, titles, texts, keep)
    left, right = st.columns(2)
    with left:
        _preset(now, texts, keep)
    with right:
        _length(now, texts, keep)


def _models(now: Preferences, titles: Mapping[str, str], texts: Texts, keep: Keep) -> None:
    st.session_state[settings.MODELS] = [each for each in now.models or () if each in titles]
    st.multiselect(
        texts.settings["models"],
        sorted(titles, key=titles.__getitem__),
        key=settings.MODELS,
        format_func=titles.__getitem__,
        on_change=lambda: keep(models=st.session_state[settings.MODELS] or None),
        placeholder=texts.settings["models_none"],
        max_selections=settings.MOST_MODELS,
    )


def _preset(now: Preferences, texts: Texts, keep: Keep) -> None:
    st.session_state[settings.PRESET] = now.preset.value
    st.selectbox(
        texts.settings["preset"],
        [preset.value for preset in settings.PRESETS],
        key=settings.PRESET,
        format_func=lambda preset: texts.settings[f"preset_{preset}"],
        on_change=lambda: keep(preset=Preset(st.session_state[settings.PRESET]).value),
    )


def _length(now: Preferences, texts: Texts, keep: Keep) -> None:
    st.session_state[settings.MAX_NEW_TOKENS] = now.max_new_tokens
    st.number_input(
        texts.settings["max_new_tokens"],
        min_value=1,
        max_value=settings.LONGEST,
        value=None,
        step=64,
        key=settings.MAX_NEW_TOKENS,
        placeholder=texts.settings["max_new_tokens_own"],
        on_change=lambda: keep(max_new_tokens=st.session_state[settings.MAX_NEW_TOKENS]),
    )
