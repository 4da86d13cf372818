"""What was asked and answered, handed over as a file: one question, its conversation, or what was picked.

Knows: the kinds to choose from, that what is not stored yet is in no file, and that a file too big for the
browser stays where it is.
Refuses to know: file formats. The file is made by a plain button and not by a download that makes it:
Streamlit answers a failure there with a sentence of its own and drops ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import streamlit as st

from comparison.export.making import ExportKind, make_export
from comparison.export.markdown import ExtrasText
from comparison.turns import TurnPicture
from dashboard.errors import show_error
from dashboard.resources import Services
from dashboard.session.owner import owner_id
from dashboard.texts import Texts
from errors import NaraniError
from history.records import FlatBatch
from search.report import report_of_answer, report_of_question
from settings import format_bytes

MOST_BYTES = 64 * 10**6
"""The largest file that the server holds in memory for one download."""

_TYPES = {".csv": "text/csv", ".jsonl": "application/jsonl", ".md": "text/markdown"}
_QUESTION, _CONVERSATION = "question", "conversation"


def export_buttons(flat: Callable[[], Iterator[FlatBatch]], folder: Path, texts: Texts, key: str) -> None:
    """`flat` is only called when a file is asked for. What was made is gone with the next click elsewhere, so
    that nobody downloads the answers that were picked before."""
    kind = st.segmented_control(
        texts.export["kind"],
        [each.value for each in ExportKind],
        default=ExportKind.WIDE.value,
        required=True,
        format_func=lambda each: texts.export[each],
        key=f"{key}_kind",
    )
    st.caption(texts.export[f"about_{kind}"])
    if st.button(texts.export["make"], icon=":material/save_alt:", key=f"{key}_make"):
        try:
            with st.spinner(texts.export["making"]):
                path = make_export(
                    ExportKind(kind), flat, folder, datetime.now(), texts.report, _said_of_extras(texts)
                )
        except NaraniError as error:
            show_error(error, texts)
        else:
            _hand_over(path, texts, f"{key}_download")


def _said_of_extras(texts: Texts) -> ExtrasText:
    return ExtrasText(
        partial(report_of_question, language=texts.language),
        partial(report_of_answer, language=texts.language),
    )


def _hand_over(path: Path, texts: Texts, key: str) -> None:
    size = format_bytes(path.stat().st_size)
    if path.stat().st_size > MOST_BYTES:
        st.info(texts.export["kept"].format(name=path.name, size=size), icon=":material/folder:")
        return
    st.download_button(
        texts.export["download"].format(size=size),
        path.read_bytes(),
        file_name=path.name,
        mime=_TYPES[path.suffix],
        on_click="ignore",
        type="primary",
        icon=":material/download:",
        key=key,
    )
    path.unlink()


def export_box(turn: TurnPicture, services: Services, texts: Texts, key: str) -> None:
    """Export a turn that has ended, or the conversation that leads to it."""
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
        if turn.names_hidden:
            st.caption(words["names_in_file"])
        if any(column.unsaved for column in turn.columns):
            st.warning(words["unsaved"], icon=":material/save:")

        def flat() -> Iterator[FlatBatch]:
            owner, ids = owner_id(), [turn.run_id]
            if scope == _CONVERSATION:
                ids = [run.head.id for run in services.history.thread(owner, turn.run_id)]
            return services.history.flat(owner, ids)

        export_buttons(flat, services.settings.home / "exports", texts, key)
