"""The language, the theme, and what the page that asks starts with; a choice counts as soon as it is made.

The theme is the browser's own business: the page of Streamlit 1.67 keeps the choice in the browser's local
storage, once for each address, and reads it when it is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from comparison.presets import Preset
from dashboard.session import settings
from dashboard.session.settings import Preferences
from dashboard.texts import Texts

KeepPreference = Callable[..., None]
"""Called with the preference that changed, by its name."""
_BROWSER = "browser"
_SCRIPT = """
export default function ({ data, parentElement }) {
  const here = location.pathname.replace(/\\/+$/, '')
  const last = here.slice(here.lastIndexOf('/') + 1)
  const base = data.pages.includes(last) ? here.slice(0, here.length - last.length) : here + '/'
  const place = (path) => `stActiveTheme-${path}-v2`
  const chosen = JSON.parse(localStorage.getItem(place(location.pathname)) ?? '"System"')
  const choose = (theme) => {
    for (const path of [location.pathname, base, ...data.pages.map((page) => base + page)])
      localStorage.setItem(place(path), JSON.stringify(theme))
    location.reload()
  }
  const group = parentElement.querySelector('fieldset')
  group.setAttribute('aria-label', data.label)
  group.replaceChildren(...data.themes.map(([theme, name]) => {
    const option = document.createElement('label')
    const radio = Object.assign(document.createElement('input'), { type: 'radio', name: 'narani-theme' })
    radio.checked = theme === chosen
    radio.onchange = () => choose(theme)
    option.append(radio, name)
    return option
  }))
}
"""
_STYLE = """
fieldset { border: 0; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 1.25rem;
  font-family: var(--st-font); color: var(--st-text-color); }
label { display: inline-flex; align-items: center; gap: .5rem; cursor: pointer; }
input { accent-color: var(--st-primary-color); width: 1rem; height: 1rem; margin: 0; }
"""
_choose = st.components.v2.component(
    "narani_theme_choice", html="<fieldset></fieldset>", css=_STYLE, js=_SCRIPT
)


def language_choice(now: Preferences, texts: Texts, keep: KeepPreference) -> None:
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


def asking_defaults(now: Preferences, titles: Mapping[str, str], texts: Texts, keep: KeepPreference) -> None:
    """`titles` of all models by id; one that is preferred but no longer there is left out."""
    _models(now, titles, texts, keep)
    left, right = st.columns(2)
    with left:
        _preset(now, texts, keep)
    with right:
        _length(now, texts, keep)


def _models(now: Preferences, titles: Mapping[str, str], texts: Texts, keep: KeepPreference) -> None:
    st.session_state[settings.MODELS] = [each for each in now.models or () if each in titles]
    st.multiselect(
        texts.settings["models"],
        sorted(titles, key=titles.__getitem__),
        key=settings.MODELS,
        format_func=titles.__getitem__,
        on_change=lambda: keep(models=st.session_state[settings.MODELS] or None),
        placeholder=texts.settings["models_none"],
        select_all=False,
        max_selections=settings.MOST_MODELS,
    )


def _preset(now: Preferences, texts: Texts, keep: KeepPreference) -> None:
    st.session_state[settings.PRESET] = now.preset.value
    st.selectbox(
        texts.settings["preset"],
        [preset.value for preset in settings.PRESETS],
        key=settings.PRESET,
        format_func=lambda preset: texts.settings[f"preset_{preset}"],
        on_change=lambda: keep(preset=Preset(st.session_state[settings.PRESET]).value),
    )


def _length(now: Preferences, texts: Texts, keep: KeepPreference) -> None:
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


def theme_choice(pages: Sequence[str], texts: Texts, key: str) -> None:
    """`pages`: the last part of each page's address, so that the choice holds on all of them."""
    themes = [(theme, texts.settings[f"theme_{theme.lower()}"]) for theme in ("System", "Light", "Dark")]
    _choose(key=key, data={"pages": list(pages), "themes": themes, "label": texts.settings["theme"]})
