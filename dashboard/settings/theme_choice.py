"""Light, dark, or as the system: the browser's own business, chosen in the browser.

Knows: where the page of Streamlit 1.67 keeps the choice (one for each address) and reads it when loaded.
Refuses to know: the colors (.streamlit/config.toml), and whose browser it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.texts import Texts

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


def theme_choice(pages: Sequence[str], texts: Texts, key: str) -> None:
    """`pages`: the last part of each page's address, so that the choice holds on all of them."""
    themes = [(theme, texts.settings[f"theme_{theme.lower()}"]) for theme in ("System", "Light", "Dark")]
    _choose(key=key, data={"pages": list(pages), "themes": themes, "label": texts.settings["theme"]})
