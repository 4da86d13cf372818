"""What the page of many questions remembers: the batch in its address, the file that came, what is set."""

from __future__ import annotations

import streamlit as st

from dashboard.session.shared import ListLength, OpenedByAddress, ProblemOnce, UploadedFiles

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
SCORE_WITH = "batch_score_with"
THINKING = "batch_thinking"
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
CELL = "cell"
"""The name of what is clicked in the heat map."""
OPENED_NUMBER = "batch_opened_number"
EXPORT = "batch_export"
FAILURES = "batch_failures"
_DRAFT = "batch_draft"
_OPENED = OpenedByAddress("batch", "batch_last")
UPLOAD = UploadedFiles("batch", chosen=(COLUMN, INPUT_COLUMN))
PROBLEM = ProblemOnce("batch_problem")
EARLIER = ListLength("batch_earlier_count")
batch_id, open_batch = _OPENED.name, _OPENED.open


def open_key(batch_id: str) -> str:
    return f"batch_open_{batch_id}"


def heatmap_key(measure: str) -> str:
    return f"batch_heatmap_{measure}"


def open_selected(measure: str) -> None:
    """The question whose cell was clicked; a click beside the cells leaves open what is."""
    chosen = st.session_state[heatmap_key(measure)]["selection"].get(CELL)
    if chosen:
        st.session_state[OPENED_NUMBER] = int(chosen[0]["number"])


def draft() -> str | None:
    """The id that the next batch of this form will have: a button pressed twice starts one batch."""
    value = st.session_state.get(_DRAFT)
    return value if isinstance(value, str) else None


def set_draft(batch_id: str) -> None:
    st.session_state[_DRAFT] = batch_id
