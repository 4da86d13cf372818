"""What the training page remembers: the run in its address, the files that came, what was looked at.

Knows: the keys and what kind of value each holds.
Refuses to know: what is done with them, and streamlit's widgets.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import streamlit as st

BASE = "training_base"
FORMAT = "training_format"
NAME = "training_name"
RECIPE = "training_recipe"
SOURCE = "training_source"
PATHS = "training_paths"
ADVANCED = "training_advanced"
CHECK = "training_check"
START = "training_start"
RELEASE = "training_release"
NEW = "training_new"
STOP = "training_stop"
RESUME = "training_resume"
COMPARE = "training_compare"
LOG = "training_log"
SAMPLES = "training_samples"
MORE = "training_more"
LIST_AGAIN = "training_list_again"
LISTED_AT_ONCE = 10
_RUN = "training"
_LAST_RUN = "training_last_run"
_UPLOADS = "training_uploads_kept"
_UPLOADER = "training_uploader_count"
_UPLOAD_PROBLEM = "training_upload_problem"
_CHECKED = "training_checked"
_ROUND = "training_check_round"
_PROBLEM = "training_problem"
_STOPPING = "training_stopping"
_LISTED = "training_listed"


def run_name() -> str | None:
    """The run in the address; back from another page it is the one that was last looked at."""
    in_address = st.query_params.get(_RUN)
    if in_address is None and (last := st.session_state.get(_LAST_RUN)) is not None:
        st.query_params[_RUN] = last
        return str(last)
    st.session_state[_LAST_RUN] = in_address
    return in_address


def open_run(name: str | None) -> None:
    """None: the form for a new one."""
    st.session_state[_LAST_RUN] = name
    if name is None:
        st.query_params.pop(_RUN, None)
    else:
        st.query_params[_RUN] = name


def open_key(name: str) -> str:
    return f"training_open_{name}"


def field_key(recipe: str, field: str) -> str:
    """Each recipe has values of its own, so that picking another shows its own."""
    return f"training_set_{recipe}_{field}"


def uploader_key() -> str:
    """Another key is another widget: so files that are on disk are let go of."""
    return f"training_upload_{st.session_state.get(_UPLOADER, 0)}"


def drop_key(path: str) -> str:
    return f"training_drop_{path}"


def uploads() -> list[tuple[str, str]]:
    """Path and name of each file that came."""
    return [(str(path), str(name)) for path, name in st.session_state.get(_UPLOADS, [])]


def set_uploads(files: Sequence[tuple[str, str]]) -> None:
    st.session_state[_UPLOADS] = [list(file) for file in files]
    st.session_state[_UPLOADER] = st.session_state.get(_UPLOADER, 0) + 1
    st.session_state.pop(_UPLOAD_PROBLEM, None)


def refuse_upload(sentence: str) -> None:
    st.session_state[_UPLOAD_PROBLEM] = sentence
    st.session_state[_UPLOADER] = st.session_state.get(_UPLOADER, 0) + 1


def upload_problem() -> str | None:
    """Why the last file could not be taken."""
    return st.session_state.get(_UPLOAD_PROBLEM)


def checked() -> str | None:
    """For which settings the check was asked for."""
    return st.session_state.get(_CHECKED)


def set_checked(fingerprint: str) -> None:
    st.session_state[_CHECKED] = fingerprint


def check_round() -> str:
    """Another one, in all tabs, when settings are to be checked anew: somebody asked, or memory was freed."""
    return str(st.session_state.get(_ROUND, ""))


def check_anew() -> None:
    st.session_state[_ROUND] = secrets.token_hex(8)


def stopping(name: str) -> bool:
    """Whether this tab has asked it to stop."""
    return name in st.session_state.get(_STOPPING, [])


def set_stopping(name: str, asked: bool) -> None:
    others = [each for each in st.session_state.get(_STOPPING, []) if each != name]
    st.session_state[_STOPPING] = [*others, name] if asked else others


def set_problem(code: str, sentence: str) -> None:
    st.session_state[_PROBLEM] = [code, sentence]


def take_problem() -> tuple[str, str] | None:
    """The code and sentence of what went wrong; gone once taken."""
    problem = st.session_state.pop(_PROBLEM, None)
    return None if problem is None else (str(problem[0]), str(problem[1]))


def listed() -> int:
    return int(st.session_state.get(_LISTED, LISTED_AT_ONCE))


def list_more() -> None:
    st.session_state[_LISTED] = listed() + LISTED_AT_ONCE
