"""One answer in its column: the text as it grows, its state, its figures.

Knows: how a live view is drawn; plain text while it streams, so that half a table never flickers.
Refuses to know: engines, runs, and which question it answers.
"""

from __future__ import annotations

import streamlit as st

from dashboard.words import Words
from engines.base import ENDED, LiveView, Measures


def answer_column(title: str, view: LiveView, words: Words) -> None:
    st.markdown(f"**{title}**")
    if view.state in ENDED and view.answer is not None:
        _ended(view, words)
    else:
        st.text(view.text or " ")
        st.caption(words.states[view.state.value])
        if view.progress is not None:
            st.progress(view.progress)


def _ended(view: LiveView, words: Words) -> None:
    answer = view.answer
    assert answer is not None
    st.text(answer.text or words.compare["no_text"])
    if answer.error:
        st.warning(answer.error, icon=":material/error:")
    st.caption(" · ".join([words.reasons[answer.finish_reason.value], *_figures(view.measures, words)]))
    if answer.prompt:
        with st.expander(words.compare["prompt"]):
            st.code(answer.prompt, language=None, wrap_lines=True)


def _figures(measures: Measures, words: Words) -> list[str]:
    figures = [words.figures["tokens"].format(tokens=measures.tokens_out)]
    if measures.seconds_to_first_text is not None:
        figures.append(words.figures["first_text"].format(seconds=measures.seconds_to_first_text))
    if measures.tokens_per_second is not None:
        figures.append(words.figures["speed"].format(speed=measures.tokens_per_second))
    return figures
