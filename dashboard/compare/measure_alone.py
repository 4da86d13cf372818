"""The models of a run measured one after another: the button that begins it, how far it is, its outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from comparison.measuring import Measuring
from dashboard.errors import explain
from dashboard.shared.safe_text import safe_text
from dashboard.shared.ticking import ticking
from dashboard.texts import Texts
from engines.base import Measures

_TICK = 0.5


def measured(measuring: Measuring | None) -> dict[int, Measures]:
    """The figures of whoever answered, by position."""
    answers = {} if measuring is None else measuring.answers
    return {at: answer.measures for at, answer in answers.items() if answer.cause is None}


def measure_button(
    last: Measuring | None, start: Callable[[], None], titles: Mapping[str, str], texts: Texts
) -> None:
    """`last`: one that has ended."""
    if last is not None:
        _outcome(last, titles, texts)
    st.button(
        texts.answer["measure_alone"],
        key="compare_measure",
        icon=":material/timer:",
        help=texts.answer["measure_alone_help"],
        on_click=start,
    )


def measuring_at_work(
    look: Callable[[], Measuring | None], stop: Callable[[], None], titles: Mapping[str, str], texts: Texts
) -> None:
    """Drawn again until it ends; then the page is drawn whole."""
    ticking(lambda: _grow(look(), titles, texts), _TICK)
    st.button(
        texts.answer["measure_stop"],
        key="compare_measure_stop",
        icon=":material/stop_circle:",
        on_click=stop,
    )


def _grow(measuring: Measuring | None, titles: Mapping[str, str], texts: Texts) -> None:
    if measuring is None or measuring.ended:
        st.rerun()
    asked, count = tuple(measuring.asked), len(measuring.requests)
    if not asked:
        st.progress(0.0, text=texts.answer["measure_starts"])
        return
    model_id, state = asked[-1].model_id, asked[-1].view().state
    at = texts.answer["measure_at"].format(
        number=len(asked), count=count, title=titles.get(model_id, model_id), state=texts.states[state]
    )
    st.progress((len(asked) - 1) / count, text=safe_text(at))


def _outcome(measuring: Measuring, titles: Mapping[str, str], texts: Texts) -> None:
    words, done = texts.answer, measured(measuring)
    if measuring.stopped:
        st.caption(words["measure_stopped"].format(count=len(measuring.requests), measured=len(done)))
    for answer in measuring.answers.values():
        if answer.cause is not None:
            title = safe_text(titles.get(answer.model_id, answer.model_id))
            st.warning(
                f"{words['measure_failed'].format(title=title)}\n\n{explain(answer.cause, texts)}",
                icon=":material/error:",
            )
    if done:
        st.caption(words["measured_alone"])
