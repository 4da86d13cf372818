"""The batches of a person, newest first, each to be opened.

Knows: how one line of the list looks.
Refuses to know: the history, and what opening means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo

import streamlit as st

from comparison.batch_progress import BatchView
from comparison.history.records import StoredBatch
from dashboard.components.batch_progress import state_badge
from dashboard.components.history_list import when
from dashboard.components.safe_text import safe_text
from dashboard.session import batch
from dashboard.words import Words


def earlier_batches(
    batches: Sequence[StoredBatch], view: Callable[[StoredBatch], BatchView], zone: tzinfo, said: Words
) -> None:
    st.subheader(said.batch["earlier"], divider="gray")
    if not batches:
        st.caption(said.batch["no_earlier"])
        return
    shown = batches[: batch.earlier_shown()]
    for stored in shown:
        _line(stored, view(stored), zone, said)
    if len(batches) > len(shown):
        st.button(
            said.batch["more_earlier"].format(count=len(batches) - len(shown)),
            key=batch.MORE_EARLIER,
            type="tertiary",
            icon=":material/expand_more:",
            on_click=batch.show_more_earlier,
        )


def _line(stored: StoredBatch, view: BatchView, zone: tzinfo, said: Words) -> None:
    head = stored.head
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            said.batch["open"],
            key=batch.open_key(head.id),
            icon=":material/folder_open:",
            on_click=batch.open_batch,
            args=(head.id,),
        )
        facts = said.batch["earlier_facts"].format(
            questions=stored.questions,
            models=len(head.models),
            done=view.done,
            wanted=view.wanted,
            when=when(head.created, zone, said),
        )
        failed = said.batch["failed_count"].format(count=view.failed)
        badges = state_badge(view.state, said) + (f" :red-badge[{failed}]" if view.failed else "")
        st.markdown(f"**{safe_text(head.name)}** {badges} :small[:gray[{facts}]]", width="stretch")
