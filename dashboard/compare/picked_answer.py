"""The answer that all models go on with: said in place of the switch for going on, and undone there.

It counts as long as its question stands on the page, or was deleted meanwhile: nothing else is gone on with
in its place. A question that waits keeps what it was sent with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from comparison.going_on import PickedAnswer
from comparison.turns import TurnPicture
from dashboard.session import compare
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts


def picked_of(turns: Sequence[TurnPicture]) -> PickedAnswer | None:
    picked = compare.picked_answer()
    there = (compare.run_id(), *(turn.run_id for turn in turns))
    return PickedAnswer(*picked) if picked is not None and picked[0] in there else None


def whose(
    picked: PickedAnswer | None, turns: Sequence[TurnPicture], titles: Mapping[str, str], texts: Texts
) -> str:
    """The model's name as Markdown, and which attempt where there are several; empty where none is picked."""
    columns = [
        each
        for turn in turns
        for each in turn.columns
        if picked is not None and (turn.run_id, each.position) == (picked.run_id, picked.position)
    ]
    if picked is None or not columns:
        return ""
    column = columns[0]
    name = f"**{safe_text(titles.get(column.request.model_id, column.request.model_id))}**"
    if column.attempt == 1:
        return name
    return f"{name} ({texts.attempts['attempt'].format(attempt=picked.attempt)})"


def picked_line(name: str, texts: Texts) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key="compare_picked", width="content"
    ):
        st.markdown(f":material/call_split: {texts.compare['picked'].format(name=name)}")
        st.button(
            texts.compare["picked_undo"],
            key="compare_picked_undo",
            icon=":material/close:",
            type="tertiary",
            on_click=compare.set_picked_answer,
            args=(None,),
        )
