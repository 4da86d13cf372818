"""Every word on the screen, in the reader's language.

Knows: the wording files and how the browser's language chooses between them.
Refuses to know: where a word is shown.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import streamlit as st

_FOLDER = Path(__file__).parent / "wording"


@dataclass(frozen=True)
class Words:
    """The sections of a wording file."""

    pages: dict[str, str]
    compare: dict[str, str]
    states: dict[str, str]
    reasons: dict[str, str]
    figures: dict[str, str]


@cache
def read_words(language: str) -> Words:
    return Words(**tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8")))


def words() -> Words:
    """Korean unless the browser says it speaks something else."""
    locale = st.context.locale or "ko"
    return read_words("ko" if locale.lower().startswith("ko") else "en")
