"""A turn before the newest one: whole where it is short, else a line of its question and one of each answer.

Knows: that what is folded is not sent until it is opened, and that an opened one stays open.
Refuses to know: how a turn is drawn whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from comparison.turns import ColumnPicture, TurnPicture
from dashboard.shared.safe_text import safe_text
from dashboard.shared.turn import turn_view
from dashboard.texts import Texts

_SHORT = 600
"""Characters of its longest text, that stand on one screen beside others."""
_LINE = 90


def earlier_turn(turn: TurnPicture, titles: Mapping[str, str], texts: Texts, left: Sequence[str]) -> None:
    parts = (turn.question, turn.input, turn.system, *(column.text for column in turn.columns))
    if max(map(len, parts)) <= _SHORT:
        turn_view(turn, titles, texts, left=left)
        return
    folded = st.expander(
        safe_text(_first_line(turn.question)),
        icon=":material/person:",
        key=f"turn_{turn.run_id}",
        on_change="rerun",
    )
    if folded.open:
        with folded:
            turn_view(turn, titles, texts, left=left)
    else:
        st.caption("\n".join(f"- {_answer_line(column, titles, texts)}" for column in turn.columns))


def _answer_line(column: ColumnPicture, titles: Mapping[str, str], texts: Texts) -> str:
    title = safe_text(titles.get(column.request.model_id, column.request.model_id))
    answer = column.answer
    says = texts.states[column.state] if answer is None else texts.reasons[answer.finish_reason.value]
    return f"**{title}** {safe_text(_first_line(column.text) or says)}"


def _first_line(text: str) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= _LINE else f"{line[:_LINE]}…"
