"""The line of figures of an answer, apart so that whatever shows figures words them alike: why it ended,
its tokens, seconds and speeds."""

from __future__ import annotations

import streamlit as st

from dashboard.texts import Texts
from engines.base import Answer, FinishReason, Measures
from search.wish import EXTRACTIVE

_ALARMING = frozenset({FinishReason.LENGTH, FinishReason.STOPPED})

_FIXED_SPACE = "\N{NO-BREAK SPACE}"

_LONG_WAIT = 0.05
"""Shorter it would be shown as no wait at all."""
_LONG_LOAD = 0.5
"""A load that took so many seconds explains a late first text."""


def figures_line(answer: Answer, texts: Texts) -> None:
    if answer.model_id == EXTRACTIVE and answer.finish_reason is FinishReason.EOS:
        # No token ended it, and none was the first.
        seconds = answer.measures.seconds_to_first_text or 0.0
        st.caption(in_a_row(texts.reasons["quoted"], texts.figures["took"].format(seconds=seconds)))
        return
    reason = texts.reasons[answer.finish_reason.value]
    reason = f":orange[{reason}]" if answer.finish_reason in _ALARMING else reason
    measures = answer.measures
    figures = [texts.figures["tokens"].format(tokens=measures.tokens_out)] if measures.tokens_out else []
    st.caption(in_a_row(reason, *_first_text(measures, texts), *figures, *speeds(measures, texts)))


def in_a_row(first: str, *figures: str) -> str:
    """A line ends between two figures: never between a number and its unit, nor before the dot."""
    return f"{_FIXED_SPACE}· ".join([first, *(figure.replace(" ", _FIXED_SPACE) for figure in figures)])


def _first_text(measures: Measures, texts: Texts) -> list[str]:
    seconds, own, waited = (
        measures.seconds_to_first_text,
        measures.own_seconds_to_first_text,
        measures.waiting_seconds,
    )
    if seconds is not None and own is not None and waited is not None:
        return _times(own, waited, seconds - own - waited, texts)
    # An answer from before waiting was measured.
    figures = [] if seconds is None else [texts.figures["first_text_waited"].format(seconds=seconds)]
    # A model that was in memory already tells how long it once took, which this answer did not wait for.
    if seconds is not None and _LONG_LOAD < (measures.load_seconds or 0.0) <= seconds:
        figures.append(texts.figures["load"].format(seconds=measures.load_seconds))
    return figures


def _times(own: float, waited: float, loaded: float, texts: Texts) -> list[str]:
    """The model's own time first, and what kept it from it where that is worth a word."""
    figures = [texts.figures["first_text"].format(seconds=own)]
    if waited >= _LONG_WAIT:
        figures.append(texts.figures["waited"].format(seconds=waited))
    if loaded >= _LONG_LOAD:
        figures.append(texts.figures["load"].format(seconds=loaded))
    return figures


def speeds(measures: Measures, texts: Texts) -> list[str]:
    found = []
    if measures.tokens_per_second is not None:
        found.append(texts.figures["speed"].format(speed=measures.tokens_per_second))
    if measures.characters_per_second is not None:
        found.append(texts.figures["characters"].format(speed=measures.characters_per_second))
    return found
