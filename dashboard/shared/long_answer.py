"""An answer however long it is: its beginning, and on demand the whole, alone or against a baseline.

Knows: from which length on it is folded. A browser builds an element for each word that is marked and each
line of a list: eight answers of 15,000 characters are 78,000 of them and take it many seconds.
Refuses to know: models, figures, and how an answer or a difference is drawn.
"""

from __future__ import annotations

import streamlit as st

from dashboard.session.unfolded import is_unfolded, set_unfolded
from dashboard.shared.answer_text import answer_text
from dashboard.shared.markdown_beginning import beginning
from dashboard.shared.word_difference import word_difference
from dashboard.texts import Texts

_FOLDED_FROM, _SHOWN = 3_000, 2_000
"""Characters. What is hidden must be worth a click."""


def long_answer(text: str, name: str, texts: Texts, baseline: str | None = None) -> None:
    """`name` tells it from all other answers of this tab."""
    longest = max(len(text), len(baseline or ""))
    whole = longest <= _FOLDED_FROM or is_unfolded(name)
    with st.container():  # so that the button stands in its place, and keeps the focus, when more comes
        if baseline is not None:
            word_difference(baseline, text, texts, None if whole else _SHOWN)
        else:
            answer_text(text if whole else beginning(text, _SHOWN), texts)
    if longest > _FOLDED_FROM:
        words = texts.answer_text
        st.button(
            words["fold"] if whole else words["whole"].format(count=len(text)),
            key=f"{name}_whole",
            icon=":material/unfold_less:" if whole else ":material/unfold_more:",
            type="tertiary",
            on_click=set_unfolded,
            args=(name, not whole),
        )
