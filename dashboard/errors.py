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


def show_error(error: NaraniError, texts: Texts) -> None:
    st.error(explain(error.cause, texts), icon=":material/error:")


def say_once(problem: ProblemOnce, texts: Texts) -> None:
    """Why the last button changed nothing."""
    cause = problem.take()
    if cause is not None:
        st.warning(explain(cause, texts), icon=":material/error:")


def explain(cause: Cause, texts: Texts) -> str:
    """Markdown: what happened, what was kept and what to do next."""
    if cause.code != AS_WRITTEN:
        return led_by("", cause, texts)
    return led_by(texts.errors.get(cause.category, texts.errors["error"]), cause, texts)


def led_by(lead: str, cause: Cause, texts: Texts) -> str:
    """Markdown: the sentence in small letters below its lead; either may be empty."""
    detail = safe_text(plainly(cause, texts))
    return f"{lead}\n\n:small[{detail}]" if lead and detail else lead or detail


def plainly(cause: Cause, texts: Texts) -> str:
    """Plain text in one line."""
    return " ".join(wording(cause, texts.language).split())
