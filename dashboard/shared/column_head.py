"""The head of an answer's column, apart from the answer so that it can stay in view: the model's name, how it
was asked where that differs, and whose earlier answers it was shown."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from comparison.turns import ColumnPicture
from dashboard.shared.answer_marks import mark_badges
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from engines.base import AnswerRequest


def column_head(title: str, picture: ColumnPicture, is_baseline: bool, texts: Texts) -> None:
    facts = [f"**{safe_text(title)}**"]
    request = picture.request
    if request.quantization and request.quantization != "none":
        facts.append(f":gray-badge[{safe_text(request.quantization)}]")
    if request.format_id:
        asked_in = texts.answer["asked_in"].format(format=safe_text(request.format_id))
        facts.append(f":orange-badge[{asked_in}]")
    if is_baseline:
        facts.append(f":blue-badge[{texts.answer['baseline']}]")
    facts += mark_badges(picture.mark, texts)
    st.markdown(" ".join(facts))


def taken_over(request: AnswerRequest, titles: Mapping[str, str], texts: Texts) -> None:
    """Whose answers a model was shown for questions that it was not asked itself."""
    before = request.conversation.turns[:-1]
    lent = [turn.answered_by for turn in before if turn.answered_by]
    if not lent:
        return
    names = ", ".join(safe_text(titles.get(each, each)) for each in dict.fromkeys(lent))
    line = texts.answer["took_over" if len(lent) == len(before) else "took_over_some"]
    st.caption(line.format(titles=names, count=len(lent)))
