"""What the page of many questions remembers: the batch in its address, the file that came, what is set.

Knows: the keys and what kind of value each holds.
Refuses to know: what is done with them, and streamlit's widgets.
"""

from __future__ import annotations

import streamlit as st

from dashboard.session.kept import forget

SOURCE = "batch_source"
SET = "batch_set"
LINES = "batch_lines"
COLUMN = "batch_column"
INPUT_COLUMN = "batch_input_column"
OTHER_FILE = "batch_other_file"
MODELS = "batch_models"
PRESET = "batch_preset"
MAX_NEW_TOKENS = "batch_max_new_tokens"
SEED = "batch_seed"
LIMIT = "batch_limit"
START = "batch_start"
STOP = "batch_stop"
GO_ON = "batch_go_on"
RETRY = "batch_retry"
NEW = "batch_new"
MORE_EARLIER = "batch_more_earlier"
VIEW = "batch_view"
ROWS = "batch_rows"
FILTER_MODELS = "batch_filter_models"
FILTER_REASONS = "batch_filter_reasons"
FILTER_WORDS = "batch_filter_words"
FAILED_ONLY = "batch_failed_only"
LAYOUT = "batch_layout"
PAGE = "batch_page"
MEASURE = "batch_measure"
EXPORT = "batch_export"
FAILURES = "batch_failures"
_BATCH = "batch"
_LAST_BATCH = "batch_last"
_DRAFT = "batch_draft"
_UPLOAD = "batch_upload_kept"
_UPLOADER = "batch_uploader_count"
_UPLOAD_PROBLEM = "batch_upload_problem"
_PROBLEM = "batch_problem"
_EARLIER = "batch_earlier_count"
EARLIER_AT_ONCE = 10


def batch_id() -> str | None:
    """The batch in the address; back from another page it is the one that was last looked at."""
    in_address = st.query_params.get(_BATCH)
    if in_address is None and (last := st.session_state.get(_LAST_BATCH)) is not None:
        st.query_params[_BATCH] = last
        return str(last)
    st.session_state[_LAST_BATCH] = in_address
    return in_address


def open_batch(batch_id: str | None) -> None:
    """None: the form for a new one."""
    st.session_state[_LAST_BATCH] = batch_id
    if batch_id is None:
        st.query_params.pop(_BATCH, None)
    else:
        st.query_params[_BATCH] = batch_id


def open_key(batch_id: str) -> str:
    return f"batch_open_{batch_id}"


def uploader_key() -> str:
    """Another key is another widget: so a file that is on disk is let go of."""
    return f"batch_upload_{st.session_state.get(_UPLOADER, 0)}"


def upload() -> tuple[str, str] | None:
    """Path and name of the file that came."""
    kept = st.session_state.get(_UPLOAD)
    return None if kept is None else (str(kept[0]), str(kept[1]))


def set_upload(path: str, name: str) -> None:
    forget_upload()
    st.session_state[_UPLOAD] = [path, name]
    st.session_state[_UPLOADER] = st.session_state.get(_UPLOADER, 0) + 1


def forget_upload() -> None:
    st.session_state.pop(_UPLOAD, None)
    st.session_state.pop(_UPLOAD_PROBLEM, None)
    for chooser in (COLUMN, INPUT_COLUMN):
        forget(chooser)


def refuse_upload(sentence: str) -> None:
    st.session_state[_UPLOAD_PROBLEM] = sentence
    st.session_state[_UPLOADER] = st.session_state.get(_UPLOADER, 0) + 1


def upload_problem() -> str | None:
    """Why the last file could not be taken."""
    return st.session_state.get(_UPLOAD_PROBLEM)


def draft() -> str | None:
    """The id that the next batch of this form will have: a button pressed twice starts one batch."""
    value = st.session_state.get(_DRAFT)
    return value if isinstance(value, str) else None


def set_draft(batch_id: str) -> None:
    st.session_state[_DRAFT] = batch_id


def set_problem(code: str, sentence: str) -> None:
    st.session_state[_PROBLEM] = [code, sentence]


def take_problem() -> tuple[str, str] | None:
    """The code and sentence of what went wrong; gone once taken."""
    problem = st.session_state.pop(_PROBLEM, None)
    return None if problem is None else (str(problem[0]), str(problem[1]))


def earlier_shown() -> int:
    return int(st.session_state.get(_EARLIER, EARLIER_AT_ONCE))


def show_more_earlier() -> None:
    st.session_state[_EARLIER] = earlier_shown() + EARLIER_AT_ONCE
