"""Where the questions come from (a set that ships, a file, pasted lines), and how they begin.

A file goes to disk at once and out of the browser session's memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from comparison.question_sets import SETS, read_set
from comparison.question_source import Preview, QuestionSource, preview
from comparison.questions import column_for, columns_of
from comparison.uploads import Uploads
from dashboard.errors import show_error
from dashboard.session import batch
from dashboard.session.shared import start_with
from dashboard.shared.formatting import shortened
from dashboard.shared.safe_text import whole_characters
from dashboard.shared.uploading import file_uploader, upload_limit, uploaded_file
from dashboard.texts import Texts
from errors import NaraniError

_KINDS = {"set": ":material/menu_book:", "file": ":material/upload_file:", "lines": ":material/edit_note:"}
_TYPES = ("csv", "jsonl", "txt")
_LONGEST_LINES = 200_000
_LONGEST_NAME = 40
_LONGEST_CELL = 500


def question_source(uploads: Uploads, texts: Texts) -> QuestionSource | None:
    """None while nothing that can be read is chosen."""
    start_with(batch.SOURCE, "set")
    kind = st.segmented_control(
        texts.batch["source"],
        list(_KINDS),
        key=batch.SOURCE,
        persist_state="session",
        required=True,
        format_func=lambda each: f"{_KINDS[each]} {texts.batch[f'source_{each}']}",
    )
    if kind == "file":
        return _file(uploads, texts)
    return _lines(texts) if kind == "lines" else _set(texts)


def set_title(set_id: str, texts: Texts) -> str:
    return texts.batch[f"set_{set_id}"]


def _set(texts: Texts) -> QuestionSource:
    chosen = st.radio(
        texts.batch["set"],
        SETS,
        key=batch.SET,
        persist_state="session",
        format_func=lambda each: f"{set_title(each, texts)} :gray-badge[{len(read_set(each).questions)}]",
        captions=[texts.batch[f"set_{each}_about"] for each in SETS],
    )
    return QuestionSource(set_title(chosen, texts), set_id=chosen)


def _lines(texts: Texts) -> QuestionSource | None:
    text = st.text_area(
        texts.batch["lines"],
        key=batch.LINES,
        persist_state="session",
        height=180,
        max_chars=_LONGEST_LINES,
        placeholder=texts.batch["lines_hint"],
    )
    first = text.strip().partition("\n")[0]
    return QuestionSource(shortened(first, _LONGEST_NAME), lines=text) if first else None


def _file(uploads: Uploads, texts: Texts) -> QuestionSource | None:
    files = batch.UPLOAD.there()
    if not files:
        file_uploader(texts.batch["file"], _TYPES, batch.UPLOAD, uploads, texts, several=False)
        st.caption(texts.batch["file_bigger"].format(limit=upload_limit()))
        st.code(texts.batch["command"], language=None, wrap_lines=True)
        return None
    path, name = files[0]
    uploaded_file(path, name, texts.batch["other_file"], batch.OTHER_FILE, batch.UPLOAD, uploads)
    return _columns(QuestionSource(name, file=path), texts)


def _columns(source: QuestionSource, texts: Texts) -> QuestionSource | None:
    """The same source with its columns chosen; None while nobody can tell which holds the questions."""
    try:
        names = _columns_of(source.file)
    except NaraniError as error:
        show_error(error, texts)
        return None
    if not names:
        return source
    question, input_name = column_for("question", names), column_for("input", names)
    left, right = st.columns(2)
    with left:
        chosen = _choose(batch.COLUMN, texts.batch["column"], names, question, texts.batch["column_hint"])
    with right:
        label = texts.batch["input_column"]
        chosen_input = _choose(batch.INPUT_COLUMN, label, names, input_name, texts.batch["input_column_hint"])
    if chosen is None:
        st.info(texts.batch["choose_column"], icon=":material/view_column:")
        return None
    # What the file's own names say is left to the reader: its rows may differ in the name they use.
    return replace(
        source,
        column=None if chosen == question else chosen,
        input_column=None if chosen_input == input_name else chosen_input or "",
    )


def _choose(key: str, label: str, names: Sequence[str], first: str | None, hint: str) -> str | None:
    start_with(key, first)
    if st.session_state[key] not in (None, *names):
        st.session_state[key] = first
    return st.selectbox(
        label,
        names,
        index=None,
        key=key,
        persist_state="session",
        placeholder=hint,
        format_func=lambda name: name or "—",
    )


@st.cache_data(show_spinner=False, max_entries=32)
def _columns_of(path: str) -> tuple[str, ...]:
    return columns_of(Path(path))


def question_preview(source: QuestionSource, texts: Texts) -> Preview | None:
    """None where the questions cannot be read; the reason is then on the page."""
    try:
        with st.spinner(texts.batch["reading"]):
            found = _preview(source)
    except NaraniError as error:
        show_error(error, texts)
        return None
    st.caption(" ".join(_notes(found, texts)))
    rows: dict[str, list[str]] = {texts.batch["question"]: [_cell(one.text) for one in found.first]}
    if any(one.input.strip() for one in found.first):
        rows[texts.batch["input"]] = [_cell(one.input) for one in found.first]
    if any(one.system.strip() for one in found.first):
        rows[texts.batch["system"]] = [_cell(one.system) for one in found.first]
    st.dataframe(rows, width="stretch")
    return found


def _notes(found: Preview, texts: Texts) -> list[str]:
    notes = [texts.batch["count"].format(count=found.count)]
    if found.count > len(found.first):
        notes.append(texts.batch["count_shown"].format(count=len(found.first)))
    if found.repeated:
        notes.append(texts.batch["repeated"].format(count=found.repeated))
    if found.encoding != "utf-8":
        notes.append(texts.batch["encoding"].format(encoding=found.encoding.upper()))
    return notes


def _cell(text: str) -> str:
    text = whole_characters(text)
    return text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…"


@st.cache_data(show_spinner=False, max_entries=32)
def _preview(source: QuestionSource) -> Preview:
    return preview(source)
