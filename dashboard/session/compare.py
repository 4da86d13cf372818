"""What the page that asks remembers: the run in its address, the models picked, how they are asked.

Which long answers are unfolded counts on every page that shows answers.
"""

from __future__ import annotations

import streamlit as st

from dashboard.session.asking import PickedModels, TypedQuestions
from dashboard.session.shared import OpenedByAddress

INPUT = "compare_input"
GO_ON = "compare_go_on"
PRESET = "compare_preset"
SYSTEM = "compare_system"
FORMAT = "compare_format"
SEED = "compare_seed"
MAX_NEW_TOKENS = "compare_max_new_tokens"
REPRODUCIBLE = "compare_reproducible"
THINKING = "compare_thinking"
SCORE_WITH = "compare_score_with"
TEMPERATURE = "compare_temperature"
TOP_P = "compare_top_p"
TOP_K = "compare_top_k"
REPETITION_PENALTY = "compare_repetition_penalty"
STOP_ALL = "compare_stop_all"
NEW = "compare_new"
EARLIER = "compare_earlier"
_BASELINE = "compare_baseline"
_PICKED = "compare_picked_answer"
_SHOWN = "compare_shown_turns"
_WAITED_AT = "compare_waited_at"
_UNFOLDED = "unfolded_answers"
_OPENED = OpenedByAddress("run", "compare_last_run")
run_id = _OPENED.name
MODELS = PickedModels("compare")
TYPED = TypedQuestions("compare")


def set_run_id(run_id: str | None) -> None:
    _OPENED.open(run_id)
    st.session_state[_BASELINE] = None
    st.session_state[_SHOWN] = None
    st.session_state[_WAITED_AT] = None


def goes_on() -> bool:
    return bool(st.session_state.get(GO_ON, True))


def input_text() -> str:
    return str(st.session_state.get(INPUT) or "")


def forget_input() -> None:
    """The input belonged to the question that was asked. Only before its widget is drawn: afterwards
    Streamlit lets nobody set its value."""
    st.session_state[INPUT] = ""


def baseline() -> int | None:
    """The position of the answer that the others are compared with."""
    value = st.session_state.get(_BASELINE)
    return value if isinstance(value, int) else None


def set_baseline(position: int | None) -> None:
    st.session_state[_BASELINE] = position


def picked_answer() -> tuple[str, int, int] | None:
    """Run, position and attempt of the answer that all models go on with."""
    value = st.session_state.get(_PICKED)
    return None if value is None else (str(value[0]), int(value[1]), int(value[2]))


def set_picked_answer(answer: tuple[str, int, int] | None) -> None:
    st.session_state[_PICKED] = answer


def shown_turns(default: int) -> int:
    return int(st.session_state.get(_SHOWN) or default)


def show_turns(count: int) -> None:
    st.session_state[_SHOWN] = count


def waited_at() -> str | None:
    """The run on this page behind which questions wait, or did."""
    value = st.session_state.get(_WAITED_AT)
    return value if isinstance(value, str) else None


def set_waited_at(run_id: str) -> None:
    st.session_state[_WAITED_AT] = run_id


def is_unfolded(name: str) -> bool:
    return name in st.session_state.get(_UNFOLDED, [])


def set_unfolded(name: str, whole: bool) -> None:
    others = [each for each in st.session_state.get(_UNFOLDED, []) if each != name]
    st.session_state[_UNFOLDED] = [*others, name] if whole else others
