"""The conversations of the search chat so far, each by its first question, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

import streamlit as st

from dashboard.session import search
from dashboard.shared.formatting import shortened, when
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from history.records import StoredRun

_LONGEST = 70


@dataclass(frozen=True)
class RecentConversation:
    """One of them, by its last run."""

    run_id: str
    question: str
    turns: int
    last: datetime


def conversations(runs: Sequence[StoredRun]) -> list[RecentConversation]:
    """`runs`: the last of each conversation."""
    found = []
    for run in runs:
        turns = max((request.conversation.turns for request in run.head.requests), key=len)
        found.append(RecentConversation(run.head.id, turns[0].question, len(turns), run.head.created))
    return found


def recent_list(found: Sequence[RecentConversation], here: tzinfo, texts: Texts) -> None:
    if not found:
        st.caption(texts.search["none_recent"])
    for each in found[: search.RECENT.shown()]:
        with st.container(
            horizontal=True, vertical_alignment="center", gap="small", key=f"search_recent_{each.run_id}"
        ):
            st.button(
                safe_text(shortened(each.question, _LONGEST)),
                key=f"search_open_{each.run_id}",
                type="tertiary",
                on_click=search.open_conversation,
                args=(each.run_id,),
            )
            turns = f" · {texts.search['turns'].format(count=each.turns)}" if each.turns > 1 else ""
            st.markdown(f":small[:gray[{when(each.last, here, texts)}{turns}]]", width="content")
    if len(found) > search.RECENT.shown():
        st.button(
            texts.search["more_recent"],
            key="search_recent_more",
            icon=":material/expand_more:",
            type="tertiary",
            on_click=search.RECENT.more,
        )
