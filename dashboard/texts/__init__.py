"""Every word on the screen, in the reader's language.

Knows: the files of texts, a folder a language and a file a section, and who decides the language.
Refuses to know: where a word is shown.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import streamlit as st

from dashboard.session.settings import chosen_language
from settings import named_language

FOLDER = Path(__file__).parent


class Texts:
    """The words of one language: `read_chosen().compare["title"]` is the key `title` of `compare.toml`.
    That every key used exists, in every language, is held by tests/test_architecture.py."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._sections = {
            path.stem: tomllib.loads(path.read_text(encoding="utf-8"))
            for path in (FOLDER / language).glob("*.toml")
        }

        said = (FOLDER / "said" / language).glob("*.toml")
        self._said: dict[str, str] = {
            text: words
            for path in said
            for text, words in tomllib.loads(path.read_text(encoding="utf-8")).items()
        }

    def said(self, text: str) -> str:
        """What an entry, a format or a recipe says of itself: of those that ship in the reader's language,
        of a person's own as they wrote it."""
        return self._said.get(" ".join(text.split()), text)

    def __getattr__(self, section: str) -> dict[str, str]:
        try:
            return self._sections[section]
        except KeyError:
            raise AttributeError(section) from None


read_texts = cache(Texts)


def read_chosen() -> Texts:
    """What was chosen; else as the browser says, as NARANI_LANGUAGE says, Korean."""
    chosen = chosen_language()
    if chosen is None:
        locale = st.context.locale or named_language() or "ko"
        chosen = "ko" if locale.lower().startswith("ko") else "en"
    return read_texts(chosen)
