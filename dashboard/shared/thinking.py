"""What a model thought, apart from its answer so that what draws one draws the other in a line: folded above
the answer and sent once it is opened; while it goes on, for how long."""

from __future__ import annotations

import streamlit as st

from comparison.turns import ColumnPicture
from dashboard.shared.answer_text import long_answer
from dashboard.texts import Texts


def thinking_fold(picture: ColumnPicture, name: str, texts: Texts) -> None:
    """`name` tells it from all other answers of this tab. Nothing where it did not think, or still does."""
    parts, words = picture.parts, texts.thinking
    if not parts.thinking or not (picture.ended or parts.answer):
        return
    title = words["unended" if parts.thinks else "thought"].format(count=len(parts.thinking))
    folded = st.expander(title, icon=":material/psychology:", key=f"{name}_thinking_fold", on_change="rerun")
    if folded.open:
        with folded:
            long_answer(parts.thinking, f"{name}_thinking", texts)


def thinking_now(picture: ColumnPicture, texts: Texts) -> str:
    """What it says while it thinks; empty where it does not."""
    if not picture.parts.thinks:
        return ""
    return texts.thinking["now"].format(seconds=picture.measures.answering_seconds or 0.0)
