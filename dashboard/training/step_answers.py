"""How the same held-out questions were answered after a step, apart from what figures tell.

Whoever has not gone back to an earlier step sees the newest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.session import training
from dashboard.shared.safe_text import whole_characters
from dashboard.texts import Texts
from finetune.jobs import SampledAnswers


def training_answers(samples: Sequence[SampledAnswers], texts: Texts) -> None:
    by_step = {each.step: each for each in samples}
    if not by_step:
        return
    st.markdown(f"**{texts.kinds['answers']}**")
    steps = list(by_step)
    training.follow_samples(steps)
    chosen = steps[0]
    if len(steps) > 1:
        chosen = st.select_slider(
            texts.kinds["answers_step"],
            steps,
            key=training.SAMPLE_STEP,
            format_func=lambda step: f"{step:,}",
            help=texts.kinds["answers_help"],
        )
    for answer in by_step[chosen].answers:
        _answer(answer, texts)


def _answer(answer: Mapping[str, Any], texts: Texts) -> None:
    with st.container(border=True):
        st.text(_text(answer, "question"))
        expected, said = st.columns(2)
        with expected:
            st.caption(texts.training["answer_expected"])
            st.text(_text(answer, "expected") or texts.kinds["answer_none"])
        with said:
            reward = answer.get("reward")
            told = (
                "" if not isinstance(reward, int | float) else f" · {texts.kinds['reward_of']} {reward:.2f}"
            )
            st.caption(texts.kinds["answer_said"] + told)
            st.text(_text(answer, "answer") or texts.training["answer_empty"])


def _text(answer: Mapping[str, Any], name: str) -> str:
    return whole_characters(str(answer.get(name) or ""))
