"""One answer in its column: its figures, and below them the text as it grows or ended.

Knows: that it is plain text while it streams, so that half a table never flickers, and that of a growing
text the full pieces stand still and only the open end is sent again. Where a piece ends depends on nothing
that comes later.
Refuses to know: engines, runs, and where the other columns stand.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from comparison.turns import ColumnPicture
from dashboard.errors import explain
from dashboard.shared.answer_text import long_answer
from dashboard.shared.checked_answer import drawing_of, support_line
from dashboard.shared.column_figures import figures_line, in_a_row, speeds
from dashboard.shared.safe_text import whole_characters
from dashboard.shared.thinking import thinking_fold, thinking_now
from dashboard.texts import Texts

_SHORTEST, _LONGEST = 1_600, 2_400


def full_pieces(picture: ColumnPicture) -> list[str]:
    """What of a growing answer will not change any more."""
    return pieces(picture.said)[0]


def drawn_so_far(picture: ColumnPicture) -> tuple[int, bool]:
    """What changes when a growing answer is to be drawn whole: a piece is full, or it has thought enough."""
    parts = picture.parts
    return len(full_pieces(picture)), bool(parts.thinking and parts.answer)


@dataclass(frozen=True)
class Growing:
    """Where a growing answer is drawn again and again; each place holds nothing else."""

    figures: DeltaGenerator
    text: DeltaGenerator


def growing_place(picture: ColumnPicture, key: str, figures: DeltaGenerator, texts: Texts) -> Growing:
    """What of the text stands still, and the place of what grows below it. `key` is the column's own."""
    thinking_fold(picture, f"{key}_{picture.attempt}", texts)
    with st.container(gap=None):
        with st.container(gap=None):
            for piece in full_pieces(picture):
                st.text(whole_characters(piece.removesuffix("\n")))
        return Growing(figures, st.container())


def growing_answer(picture: ColumnPicture, place: Growing, texts: Texts) -> None:
    """Always as one element in each place."""
    _, end = pieces(picture.said)
    place.text.text(whole_characters(end) or " ")
    state = thinking_now(picture, texts) or texts.notes.get(picture.note, texts.states[picture.state])
    if picture.progress is not None:
        place.figures.progress(picture.progress, text=state)
    else:
        place.figures.caption(in_a_row(state, *speeds(picture.measures, texts)))


def ended_figures(picture: ColumnPicture, texts: Texts) -> None:
    if picture.answer is None:
        st.caption(texts.states[picture.state])
        return
    figures_line(picture.answer, texts)
    if picture.unsaved:
        st.caption(f":orange[:material/save: {texts.answer['unsaved']}]")


def ended_answer(picture: ColumnPicture, key: str, baseline: str | None, texts: Texts) -> None:
    """The answer, or how it differs from `baseline` where there is one. `key` is the column's own."""
    answer = picture.answer
    if answer is None:
        return
    if answer.cause:
        st.warning(explain(answer.cause, texts), icon=":material/error:")
    if answer.text or not answer.error:
        name = f"{key}_{picture.attempt}"
        compared = None if answer.error else baseline
        thinking_fold(picture, name, texts)
        with st.container(key=f"text_{name}"):
            if picture.parts.thinks:
                st.caption(texts.thinking["no_answer"])
            else:
                long_answer(picture.said, name, texts, compared, drawing_of(answer, name, texts))
        support_line(answer, texts)


def pieces(text: str) -> tuple[list[str], str]:
    """The full ones, each ending with a line or else a word, and the open end."""
    full, start = [], 0
    while len(text) - start > _LONGEST:
        end = _end(text, start)
        full.append(text[start:end])
        start = end
    return full, text[start:]


def _end(text: str, start: int) -> int:
    window = start + _SHORTEST, start + _LONGEST
    found = text.rfind("\n", *window)
    found = found if found >= 0 else text.rfind(" ", *window)
    return found + 1 if found >= 0 else start + _LONGEST
