"""How an error is said to a person; the only place that draws one.

Knows: the lead sentence of each code in the reader's language, and how to keep a stranger's words from
being markup.
Refuses to know: what went wrong, tracebacks and logs.
"""

from __future__ import annotations

import re

import streamlit as st

from dashboard.words import Words
from errors import NaraniError

_MARKUP = re.compile(r"([!-/:-@\[-`{-~])")
"""All ASCII punctuation: a backslash before any of it makes it a plain character in markdown."""


def show_error(error: NaraniError, said: Words) -> None:
    st.error(explain(error.code, str(error), said), icon=":material/error:")


def explain(code: str | None, sentence: str, said: Words) -> str:
    """Markdown: what happened, what was kept and what to do next; below it, where the lead is another
    language than the sentence, the sentence itself."""
    lead = said.errors.get(code or "error", said.errors["error"])
    detail = escaped(sentence)
    if not lead:
        return detail
    return f"{lead}\n\n:small[{detail}]" if detail else lead


def escaped(text: str) -> str:
    """One line of plain words within markdown, whoever wrote it."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))
