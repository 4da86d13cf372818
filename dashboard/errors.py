"""How an error is said to a person; the only place that draws one.

Knows: the lead sentence of each code and the usual sentences in the reader's language, and that a stranger's
words in them are no markup.
Refuses to know: what went wrong, tracebacks and logs.
"""

from __future__ import annotations

import re
from functools import cache

import streamlit as st

from dashboard.components.safe_text import safe_text
from dashboard.words import Words, read_words
from errors import NaraniError

_FACT = re.compile(r"\\\{(\w+)\\\}")
"""A place in a sentence whose other characters are escaped already."""


def show_error(error: NaraniError, said: Words) -> None:
    st.error(explain(error.code, str(error), said), icon=":material/error:")


def explain(code: str | None, sentence: str, said: Words) -> str:
    """Markdown: what happened, what was kept and what to do next; below it, where the lead is another
    language than the sentence, the sentence itself."""
    return led_by(said.errors.get(code or "error", said.errors["error"]), sentence, said)


def led_by(lead: str, sentence: str, said: Words) -> str:
    """Markdown: the sentence in small letters below its lead; either may be empty."""
    detail = safe_text(in_words(sentence, said))
    return f"{lead}\n\n:small[{detail}]" if lead and detail else lead or detail


def in_words(sentence: str, said: Words) -> str:
    """Plain text in one line. An answer and a run of the history keep the sentence alone, so it is known by
    its shape and not by the error that it came from; one that nobody translated stays as it is."""
    line = " ".join(sentence.split())
    for name, shape in _shapes():
        if found := shape.fullmatch(line):
            return said.error_details[name].format_map(found.groupdict())
    return line


@cache
def _shapes() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """A fact may be any words."""
    known = read_words("en").error_details.items()
    return tuple((name, re.compile(_FACT.sub(r"(?P<\1>.+?)", re.escape(english)))) for name, english in known)
