"""What the page that asks remembers: the run in its address, the models picked, how they are asked.

Which long answers are unfolded counts on every page that shows answers.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import streamlit as st

from dashboard.session.shared import OpenedByAddress

MOST_MODELS = 8
QUESTION = "compare_question"
INPUT = "compare_input"
SEARCH = "compare_search"
GO_ON = "compare_go_on"
PRESET = "compare_preset"
SYSTEM = "compare_system"
FORMAT = "compare_format"
SEED = "compare_seed"
MAX_NEW_TOKENS = "compare_max_new_tokens"
REPRODUCIBLE = "compare_reproducible"
TEMPERATURE = "compare_temperature"
TOP_P = "compare_top_p"
TOP_K = "compare_top_k"
REPETITION_PENALTY = "compare_repetition_penalty"
STOP_ALL = "compare_stop_all"
NEW = "compare_new"
EARLIER = "compare_earlier"
_PICKED = "compare_picked"
_QUANTIZATIONS = "compare_quantizations"
_BASELINE = "compare_baseline"
_SHOWN = "compare_shown_turns"
_WAITED_AT = "compare_waited_at"
_UNSENT = "compare_unsent"
_SENT = "compare_sent_question"
_EXAMPLE = "compare_clicked_example"
_UNFOLDED = "unfolded_answers"
_OPENED = OpenedByAddress("run", "compare_last_run")
run_id = _OPENED.name


def pick_key(model_id: str) -> str:
    return f"compare_pick_{model_id}"


def family_key(family: str, found: bool) -> str:
    """A family that a search found is opened by itself; how it stood before comes back afterwards."""
    return f"compare_family_{'found_' if found else ''}{family}"


def quantization_key(model_id: str) -> str:
    return f"compare_quantization_{model_id}"


def set_run_id(run_id: str | None) -> None:
    _OPENED.open(run_id)
    st.session_state[_BASELINE] = None
    st.session_state[_SHOWN] = None
    st.session_state[_WAITED_AT] = None


def send_question() -> None:
    """What the box calls. Its value alone would not do: Streamlit tells it again after a run of the page that
    was cut short, and the question would be asked twice."""
    st.session_state[_SENT] = st.session_state[QUESTION]


def sent_question() -> str:
    """What was sent from the box at the foot of the page, known before the box is drawn. Told once."""
    return str(st.session_state.pop(_SENT, None) or "")


def goes_on() -> bool:
    return bool(st.session_state.get(GO_ON, True))


def input_text() -> str:
    return str(st.session_state.get(INPUT) or "")


def forget_input() -> None:
    """The input belonged to the question that was asked. Only before its widget is drawn: afterwards
    Streamlit lets nobody set its value."""
    st.session_state[INPUT] = ""


def click_example(question: str) -> None:
    st.session_state[_EXAMPLE] = question


def clicked_example() -> str:
    """Told once."""
    return str(st.session_state.pop(_EXAMPLE, ""))


def picked() -> tuple[str, ...] | None:
    """The models in the order picked; None before anybody picked."""
    value = st.session_state.get(_PICKED)
    return None if value is None else tuple(value)


def set_picked(models: Sequence[str]) -> None:
    st.session_state[_PICKED] = list(models)


def forget_picked() -> None:
    """So that those which the run in the address was asked of are picked anew, and as they were asked."""
    st.session_state.pop(_PICKED, None)
    st.session_state.pop(_QUANTIZATIONS, None)


def quantizations() -> dict[str, str]:
    """What was picked for some models; the others take their entry's default."""
    return dict(st.session_state.get(_QUANTIZATIONS, {}))


def set_quantization(model_id: str, quantization: str) -> None:
    st.session_state[_QUANTIZATIONS] = {**quantizations(), model_id: quantization}


def baseline() -> int | None:
    """The position of the answer that the others are compared with."""
    value = st.session_state.get(_BASELINE)
    return value if isinstance(value, int) else None


def set_baseline(position: int | None) -> None:
    st.session_state[_BASELINE] = position


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


def unsent() -> dict[str, tuple[str, str]]:
    """Questions with their inputs that were typed and not asked, each under an id of its own."""
    return {id: (text, input) for id, (text, input) in st.session_state.get(_UNSENT, {}).items()}


def keep_unsent(text: str, input: str) -> None:
    drop_unsent(text, input)
    st.session_state[_UNSENT] = {**unsent(), secrets.token_urlsafe(6): (text, input)}


def drop_unsent(text: str, input: str) -> None:
    """It was sent after all."""
    st.session_state[_UNSENT] = {id: each for id, each in unsent().items() if each != (text, input)}


def discard_unsent(id: str) -> None:
    st.session_state[_UNSENT] = {other: each for other, each in unsent().items() if other != id}


def is_unfolded(name: str) -> bool:
    return name in st.session_state.get(_UNFOLDED, [])


def set_unfolded(name: str, whole: bool) -> None:
    others = [each for each in st.session_state.get(_UNFOLDED, []) if each != name]
    st.session_state[_UNFOLDED] = [*others, name] if whole else others
