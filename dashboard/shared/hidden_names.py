"""Names hidden while answers are judged: the switch, and the turns as they are drawn then. It stands apart
because every page that shows answers offers it alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from comparison.hidden_names import without_names
from comparison.turns import TurnPicture
from dashboard.session.shared import HIDE_NAMES, names_hidden
from dashboard.shared.column_actions import ColumnActions
from dashboard.texts import Texts


def names_switch(models: int, texts: Texts) -> None:
    """Where there are several. It stays as it is set from question to question, so that the next one is not
    seen with its names."""
    if models > 1:
        names_hidden()  # as the address says, before the switch has a value of its own
        st.toggle(
            texts.answer["hide_names"],
            key=HIDE_NAMES,
            help=texts.answer["hide_names_help"],
            persist_state="session",
            width="content",
        )


def shown_turns(turns: Sequence[TurnPicture], by: TurnPicture) -> tuple[TurnPicture, ...]:
    """As the switch says; one answer alone has nothing to be hidden from."""
    return without_names(turns, by) if names_hidden() and len(by.columns) > 1 else tuple(turns)


def shown_titles(turn: TurnPicture, titles: Mapping[str, str]) -> Mapping[str, str]:
    return {} if turn.names_hidden else titles


def shown_actions(turn: TurnPicture, actions: ColumnActions) -> ColumnActions:
    """The box for a question would say whose answer it goes on from."""
    return replace(actions, go_on=None) if turn.names_hidden else actions
