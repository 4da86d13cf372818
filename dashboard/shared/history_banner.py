"""Over every page: whether answers reach the disk, and what each trouble of the history means."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from history.records import HistoryStatus

_LOOK_AGAIN_SECONDS = 5


def history_banner(status: Callable[[], HistoryStatus], texts: Texts) -> None:
    """Nothing when all is well; else a banner that goes by itself when the trouble does."""
    if status() == HistoryStatus():
        return

    @st.fragment(run_every=_LOOK_AGAIN_SECONDS)
    def look_again() -> None:
        status_banner(status(), texts)

    with st.container():  # of its own: what stands behind a fragment may be put in its place (turn.py)
        look_again()


def status_banner(status: HistoryStatus, texts: Texts) -> None:
    sentences = []
    if status.unsaved:
        sentences.append(texts.errors["unsaved"].format(count=status.unsaved))
    if status.problem:
        known = texts.errors.get(f"problem_{status.problem}")
        sentences.append(known or texts.errors["problem_broken"])
    if sentences:
        st.warning(" ".join(sentences), icon=":material/save:")
    if status.set_aside:
        name = safe_text(status.set_aside)
        st.warning(texts.errors["set_aside"].format(name=name), icon=":material/inventory_2:")
