"""How an error is said to a person; the only place that draws one.

Knows: the lead sentence of each code and the usual sentences in the reader's language, and that a stranger's
words in them are no markup.
Refuses to know: what went wrong, tracebacks and logs.
"""

from __future__ import annotations

import re
from functools import cache

import streamlit as st

from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts, read_texts
from errors import NaraniError

_FACT = re.compile(r"\\\{(\w+)\\\}")
"""A place in a sentence whose other characters are escaped already."""


def show_error(error: NaraniError, texts: Texts) -> None:
    st.error(explain(error.code, str(error), texts), icon=":material/error:")


def explain(code: str | None, sentence: str, texts: Texts) -> str:
    """Markdown: what happened, what was kept and what to do next; below it, where the lead is another
    language than the sentence, the sentence itself."""
    return led_by(texts.errors.get(code or "error", texts.errors["error"]), sentence, texts)


def led_by(lead: str, sentence: str, texts: Texts) -> str:
    """Markdown: the sentence in small letters below its lead; either may be empty."""
    detail = safe_text(in_words(sentence, texts))
    return f"{lead}\n\n:small[{detail}]" if lead and detail else lead or detail


def in_words(sentence: str, texts: Texts) -> str:
    """Plain text in one line. An answer and a run of the history keep the sentence alone, so it is known by
    its shape and not by the error that it came from; one that nobody translated stays as it is."""
    line = " ".join(sentence.split())
    for name, shape in _shapes():
        if found := shape.fullmatch(line):
            return texts.error_details[name].format_map(found.groupdict())
    return line


@cache
def _shapes() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """A fact may be any words."""
    known = read_texts("en").error_details.items()
    return tuple((name, re.compile(_FACT.sub(r"(?P<\1>.+?)", re.escape(english)))) for name, english in known)
