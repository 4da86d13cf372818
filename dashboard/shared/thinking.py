"""What a model thought, apart from its answer so that what draws one draws the other in a line: folded above
the answer and sent once it is opened; while it goes on, for how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from comparison.asking import HowToAnswer
from comparison.turns import ColumnPicture
from dashboard.session.shared import start_with
from dashboard.shared.answer_text import long_answer
from dashboard.texts import Texts
from model_registry.spec import ModelSpec

_OPTIONS = ("", "on", "off")
"""The first leaves it to each model's template."""


def thinking_fold(picture: ColumnPicture, name: str, texts: Texts) -> None:
    """`name` tells it from all other answers of this tab. Nothing where it did not think, or still does."""
    parts, words = picture.parts, texts.thinking
    if not parts.thinking or not (picture.ended or parts.answer):
        return
    title = words["unended" if parts.thinks else "thought"].format(count=len(parts.thinking))
    folded = st.expander(title, icon=":material/psychology:", key=f"{name}_thinking_fold", on_change="rerun")
    if folded.open:
        with folded:
            long_answer(parts.thinking, f"{name}_thinking", texts)


def thinking_now(picture: ColumnPicture, texts: Texts) -> str:
    """What it says while it thinks; empty where it does not."""
    if not picture.parts.thinks:
        return ""
    return texts.thinking["now"].format(seconds=picture.measures.answering_seconds or 0.0)


def thinking_of(how: HowToAnswer) -> str:
    """Which option of the choice was taken."""
    return "" if not how.thinking else "on" if any(how.thinking.values()) else "off"


def switched(thinking: bool | None, texts: Texts) -> str:
    """How a model was told to think, in words."""
    option = _OPTIONS[0] if thinking is None else "on" if thinking else "off"
    return texts.thinking[f"switch_{option or 'own'}"]


def switching_thinking(picked: Sequence[str], specs: Mapping[str, ModelSpec]) -> list[str]:
    """Those of the models picked whose templates know thinking on and off."""
    return [each for each in picked if each in specs and specs[each].thinking == "switch"]


def thinking_choice(key: str, switching: Sequence[str], texts: Texts) -> dict[str, bool]:
    """Whether the models that can be told so think; disabled, with the reason, where none is picked."""
    start_with(key, _OPTIONS[0])
    words = texts.thinking
    chosen = st.segmented_control(
        words["switch"],
        _OPTIONS,
        key=key,
        persist_state="session",
        required=True,
        format_func=lambda option: words[f"switch_{option or 'own'}"],
        disabled=not switching,
        help=words["switch_help" if switching else "switch_nobody"],
    )
    return dict.fromkeys(switching, chosen == "on") if chosen else {}
