"""How an error is drawn on a page.

Knows: the general words that stand above a sentence nobody translated, and that a stranger's words are no
markup.
Refuses to know: what went wrong, tracebacks and logs.
"""

from __future__ import annotations

import streamlit as st

from dashboard.session.shared import ProblemOnce
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from errors import AS_WRITTEN, Cause, NaraniError, wording
from errors.stored import cause_of


def show_error(error: NaraniError, texts: Texts) -> None:
    st.error(explain(error.cause, texts), icon=":material/error:")


def say_once(problem: ProblemOnce, texts: Texts) -> None:
    """Why the last button changed nothing."""
    cause = problem.take()
    if cause is not None:
        st.warning(explain(cause, texts), icon=":material/error:")


def explain(cause: Cause, texts: Texts) -> str:
    """Markdown: what happened, what was kept and what to do next."""
    if cause.code == AS_WRITTEN:
        cause = cause_of(str(cause.facts["sentence"]), cause.category)
    known = cause.code != AS_WRITTEN
    lead = "" if known else texts.errors.get(cause.category, texts.errors["error"])
    return led_by(lead, cause, texts)


def led_by(lead: str, cause: Cause, texts: Texts) -> str:
    """Markdown: the sentence in small letters below its lead; either may be empty."""
    detail = safe_text(" ".join(wording(cause, texts.language).split()))
    return f"{lead}\n\n:small[{detail}]" if lead and detail else lead or detail


def in_words(sentence: str, texts: Texts) -> str:
    """Plain text in one line, of an English sentence."""
    return " ".join(wording(cause_of(sentence), texts.language).split())
