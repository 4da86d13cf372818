"""One question or one conversation as a file, beside its answers.

Knows: which runs a choice means, and that what is not stored yet is in no file.
Refuses to know: kinds of files and how they are made.
"""

from __future__ import annotations

from collections.abc import Iterator

import streamlit as st

from comparison.turns import TurnPicture
from dashboard.resources import Services
from dashboard.session.owner import owner_id
from dashboard.shared.export_button import export_buttons
from dashboard.texts import Texts
from history.records import FlatBatch

_QUESTION, _CONVERSATION = "question", "conversation"


def export_box(turn: TurnPicture, services: Services, texts: Texts, key: str) -> None:
    """Of a turn that has ended, and of the conversation that leads to it."""
    words = texts.export
    box = st.expander(words["title"], icon=":material/download:", key=f"{key}_box", on_change="rerun")
    if not box.open:
        return
    with box:
        scope = _QUESTION
        if turn.earlier:
            scope = st.segmented_control(
                words["scope"],
                [_QUESTION, _CONVERSATION],
                default=_QUESTION,
                required=True,
                format_func=lambda each: words[f"scope_{each}"],
                key=f"{key}_scope",
            )
        if any(column.unsaved for column in turn.columns):
            st.warning(words["unsaved"], icon=":material/save:")

        def flat() -> Iterator[FlatBatch]:
            owner, ids = owner_id(), [turn.run_id]
            if scope == _CONVERSATION:
                ids = [run.head.id for run in services.history.thread(owner, turn.run_id)]
            return services.history.flat(owner, ids)

        export_buttons(flat, services.settings.home / "exports", texts, key)
