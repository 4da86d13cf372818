"""The score of a reward model below an answer; apart, because it is read from extras and drawn in one line.

The best of the answers that stand side by side is marked by a word, not by color alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from comparison.scoring import score_of, score_problem
from comparison.turns import ColumnPicture, TurnPicture
from dashboard.errors import explain
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts


def best_position(turn: TurnPicture) -> int | None:
    """Of the answer with the highest score; None before all ended, and where fewer than two have one."""
    scores = {
        column.position: found[1]
        for column in turn.columns
        if column.answer is not None and (found := score_of(column.answer.extras)) is not None
    }
    return max(scores, key=scores.__getitem__) if turn.ended and len(scores) > 1 else None


def score_line(picture: ColumnPicture, titles: Mapping[str, str], is_best: bool, texts: Texts) -> None:
    extras = {} if picture.answer is None else picture.answer.extras
    if (problem := score_problem(extras)) is not None:
        st.caption(f":orange[:material/warning: {explain(problem, texts)}]")
    elif (found := score_of(extras)) is not None:
        model_id, score = found
        title = safe_text(titles.get(model_id, model_id))
        best = f" :green-badge[:material/star: {texts.answer['best_score']}]" if is_best else ""
        st.caption(f"{texts.answer['score'].format(score=score)} · {title}{best}")
