"""The beginning of the questions that would be asked, and what is worth knowing about all of them.

Knows: how a preview is drawn.
Refuses to know: where the questions come from.
"""

from __future__ import annotations

import streamlit as st

from comparison.question_source import Preview, QuestionSource, preview
from dashboard.errors import show_error
from dashboard.shared.safe_text import whole_characters
from dashboard.texts import Texts
from errors import NaraniError

_LONGEST_CELL = 500


def question_preview(source: QuestionSource, texts: Texts) -> Preview | None:
    """None where the questions cannot be read; the reason is then on the page."""
    try:
        with st.spinner(texts.batch["reading"]):
            found = _preview(source)
    except NaraniError as error:
        show_error(error, texts)
        return None
    st.caption(" ".join(_notes(found, texts)))
    rows: dict[str, list[str]] = {texts.batch["question"]: [_cell(one.text) for one in found.first]}
    if any(one.input.strip() for one in found.first):
        rows[texts.batch["input"]] = [_cell(one.input) for one in found.first]
    if any(one.system.strip() for one in found.first):
        rows[texts.batch["system"]] = [_cell(one.system) for one in found.first]
    st.dataframe(rows, width="stretch")
    return found


def _notes(found: Preview, texts: Texts) -> list[str]:
    notes = [texts.batch["count"].format(count=found.count)]
    if found.count > len(found.first):
        notes.append(texts.batch["count_shown"].format(count=len(found.first)))
    if found.repeated:
        notes.append(texts.batch["repeated"].format(count=found.repeated))
    if found.encoding != "utf-8":
        notes.append(texts.batch["encoding"].format(encoding=found.encoding.upper()))
    return notes


def _cell(text: str) -> str:
    text = whole_characters(text)
    return text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…"


@st.cache_data(show_spinner=False, max_entries=32)
def _preview(source: QuestionSource) -> Preview:
    return preview(source)
