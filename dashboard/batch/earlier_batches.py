"""The batches of a person, newest first, each to be opened.

Knows: how one line of the list looks.
Refuses to know: the history, and what opening means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo

import streamlit as st

from comparison.batch.progress import BatchView
from dashboard.batch.progress import state_badge
from dashboard.session import batch
from dashboard.shared.formatting import when
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from history.records import StoredBatch


def earlier_batches(
    batches: Sequence[StoredBatch], view: Callable[[StoredBatch], BatchView], zone: tzinfo, texts: Texts
) -> None:
    st.subheader(texts.batch["earlier"], divider="gray")
    if not batches:
        st.caption(texts.batch["no_earlier"])
        return
    shown = batches[: batch.EARLIER.shown()]
    for stored in shown:
        _line(stored, view(stored), zone, texts)
    if len(batches) > len(shown):
        st.button(
            texts.batch["more_earlier"].format(count=len(batches) - len(shown)),
            key=batch.MORE_EARLIER,
            type="tertiary",
            icon=":material/expand_more:",
            on_click=batch.EARLIER.more,
        )


def _line(stored: StoredBatch, view: BatchView, zone: tzinfo, texts: Texts) -> None:
    head = stored.head
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            texts.batch["open"],
            key=batch.open_key(head.id),
            icon=":material/folder_open:",
            on_click=batch.open_batch,
            args=(head.id,),
        )
        facts = texts.batch["earlier_facts"].format(
            questions=stored.questions,
            models=len(head.models),
            done=view.done,
            wanted=view.wanted,
            when=when(head.created, zone, texts),
        )
        failed = texts.batch["failed_count"].format(count=view.failed)
        badges = state_badge(view.state, texts) + (f" :red-badge[{failed}]" if view.failed else "")
        st.markdown(f"**{safe_text(head.name)}** {badges} :small[:gray[{facts}]]", width="stretch")
