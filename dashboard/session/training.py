"""What the training page remembers: the run in its address, the files that came, what was looked at."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from zlib import crc32

import streamlit as st

from dashboard.session.shared import OpenedByAddress, ProblemOnce, UploadedFiles

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
LIST_AGAIN = "training_list_again"
PICKED = "training_picked"
OPEN_PICKED = "training_open_picked"
COMPARE_PICKED = "training_compare_picked"
AXIS = "training_curve_axis"
SMOOTHING = "training_smoothing"
AGAIN = "training_again"
MARKED = "training_marked"
KIND_FILTER = "training_list_kind"
SAMPLE_STEP = "training_sample_step"
_KIND = "training_kind"
_REWARD = "training_reward_"
_PICKED_ELSEWHERE = "training_picked_elsewhere"
_CARRIED = "training_carried_rewards"
_BROUGHT = "training_recipe_brought"
_SAMPLES_SEEN = "training_samples_seen"
_CHECKED = "training_checked"
_ROUND = "training_check_round"
_STOPPING = "training_stopping"
_OPENED = OpenedByAddress("training", "training_last_run")
UPLOADS = UploadedFiles("training")
PROBLEM = ProblemOnce("training_problem")
_BETWEEN = ","
"""Stands in no run's name."""


def run_names() -> tuple[str, ...]:
    """The training that is looked at, or those that are compared; none: the form for a new one."""
    name = _OPENED.name()
    return tuple(dict.fromkeys(filter(None, name.split(_BETWEEN)))) if name else ()


def open_run(*names: str) -> None:
    """Without a name the form for a new one."""
    _OPENED.open(_BETWEEN.join(names) or None)


def picked(there: Sequence[str]) -> list[str]:
    """The trainings that are picked in the list, as far as they are still there."""
    kept = [name for name in st.session_state.get(PICKED, []) if name in there]
    st.session_state[PICKED] = kept
    return kept


def pick(names: Sequence[str]) -> None:
    st.session_state[PICKED] = list(names)


def table_key(shown: Sequence[str]) -> str:
    """Another table where other rows are shown, or where they were picked elsewhere than in it."""
    rows = crc32("\n".join(shown).encode())
    return f"training_table_{st.session_state.get(_PICKED_ELSEWHERE, 0)}_{rows:x}"


def picked_elsewhere() -> None:
    st.session_state[_PICKED_ELSEWHERE] = st.session_state.get(_PICKED_ELSEWHERE, 0) + 1


def fill(kind: str, base: str, values: Mapping[str, object], rewards: Sequence[str]) -> None:
    """The form as it was for another training. `values`: by the keys of their widgets."""
    for key in [key for key in st.session_state if str(key).startswith(_REWARD)]:
        del st.session_state[key]
    for key, value in {BASE: base, NAME: "", **values}.items():
        st.session_state[key] = value
    go_on(kind, base, tuple(rewards))


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
    open_run()


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
    return f"{_REWARD}{recipe}_{part}"


def run_key(name: str) -> str:
    return f"training_run_{name}"


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
