"""What the training page remembers: the run in its address, the files that came, what was looked at."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import streamlit as st

from dashboard.session.shared import ListLength, OpenedByAddress, ProblemOnce, UploadedFiles

BASE = "training_base"
FORMAT = "training_format"
NAME = "training_name"
RECIPE_NOTES = "training_recipe_notes"
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
MARKED = "training_marked"
KIND_FILTER = "training_list_kind"
SAMPLE_STEP = "training_sample_step"
_KIND = "training_kind"
_CARRIED = "training_carried_rewards"
_BROUGHT = "training_recipe_brought"
_SAMPLES_SEEN = "training_samples_seen"
_CHECKED = "training_checked"
_ROUND = "training_check_round"
_STOPPING = "training_stopping"
_OPENED = OpenedByAddress("training", "training_last_run")
UPLOADS = UploadedFiles("training")
PROBLEM = ProblemOnce("training_problem")
LISTED = ListLength("training_listed")
run_name, open_run = _OPENED.name, _OPENED.open


def kind() -> str:
    """Which kind of training is set up."""
    return str(st.session_state.get(_KIND, "sft"))


def choose_kind(name: str) -> None:
    st.session_state[_KIND] = name
    st.session_state.pop(_CARRIED, None)


def go_on(name: str, base: str, rewards: tuple[str, ...]) -> None:
    """Another kind of training begins with what came of a finished one."""
    choose_kind(name)
    st.session_state[BASE] = base
    if rewards:
        st.session_state[_CARRIED] = list(rewards)
    open_run(None)


def carried_rewards() -> tuple[str, ...]:
    """What the training is rewarded for that goes on with a finished one, as settings have it."""
    return tuple(st.session_state.get(_CARRIED, ()))


def kind_key(kind: str) -> str:
    return f"training_kind_{kind}"


def next_key(kind: str) -> str:
    return f"training_next_{kind}"


def recipe_key(kind: str, base: str) -> str:
    """Each base brings another recipe along for each kind."""
    return f"training_recipe_{kind}_{base}"


def reward_key(recipe: str, part: str) -> str:
    return f"training_reward_{recipe}_{part}"


def open_key(name: str) -> str:
    return f"training_open_{name}"


def field_key(recipe: str, field: str) -> str:
    """Each recipe has values of its own, so that picking another shows its own."""
    return f"training_set_{recipe}_{field}"


def drop_key(path: str) -> str:
    return f"training_drop_{path}"


def take_recipe_data(data: Sequence[str]) -> None:
    """Before the choice of data is drawn: a recipe that was just picked brings its own, unless somebody has
    given other data already."""
    brought = list(data)
    given = UPLOADS.there() or str(st.session_state.get(PATHS) or "").strip()
    if brought and brought != st.session_state.get(_BROUGHT) and not given:
        st.session_state[SOURCE] = "recipe"
    st.session_state[_BROUGHT] = brought


def follow_samples(steps: Sequence[int]) -> None:
    """Before the slider is drawn: it goes on to the newest step, unless somebody looks back at another."""
    before = st.session_state.get(_SAMPLES_SEEN)
    shown = st.session_state.get(SAMPLE_STEP)
    if shown not in steps or shown == before:
        st.session_state[SAMPLE_STEP] = steps[-1]
    st.session_state[_SAMPLES_SEEN] = steps[-1]


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
