"""One question of a batch with its answers side by side, apart because a row of the table and a cell of the
heat map open it alike: to read, to mark, to copy from, as on every page."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from comparison.batch.results import ResultRow
from comparison.turns import picture_of_stored
from dashboard.resources import Services
from dashboard.session.owner import owner_id
from dashboard.shared.column_actions import ColumnActions
from dashboard.shared.hidden_names import shown_titles, shown_turns
from dashboard.shared.run_actions import attempts_read, marking, preset_of
from dashboard.shared.safe_text import safe_text
from dashboard.shared.turn import turn_view
from dashboard.texts import Texts


def opened_question(row: ResultRow, names: Mapping[str, str], services: Services, texts: Texts) -> None:
    """Read anew from the history, for a mark is no reason to read a whole batch again."""
    stored = services.history.get(owner_id(), row.run_id)
    if stored is None:
        st.info(texts.batch["question_gone"], icon=":material/search_off:")
        return
    turn = picture_of_stored(stored)
    (shown,) = shown_turns([turn], turn)
    with st.container(border=True, key="batch_opened_question"):
        turn_view(
            shown,
            shown_titles(shown, names),
            texts,
            actions=ColumnActions(marking=marking(turn, services)),
            attempts=attempts_read(services),
            preset=preset_of(services),
        )
        if row.expected:
            st.caption(texts.batch["expected_is"].format(expected=safe_text(row.expected)))
