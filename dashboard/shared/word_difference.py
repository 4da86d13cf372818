"""An answer beside the baseline: words left out are struck through, words that came are bold.

Knows: how a difference is marked, by more than its color.
Refuses to know: how it is found, and which models answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import streamlit as st

from comparison.difference import DifferenceKind, DifferencePiece, similarity, word_differences
from dashboard.shared.answer_text import answer_text
from dashboard.shared.markdown_beginning import beginning, torn
from dashboard.shared.safe_text import SEAM, safe_text, whole_characters
from dashboard.texts import Texts

MOST_MARKS = 2_000
"""Each is an element in the browser; beyond that everything differs anyway."""
_STRETCH = re.compile(r"\S(?:.{0,398}\S)?")
"""What one mark holds: Streamlit reads no longer one, and a mark may not end in a space."""
_SPACES = str.maketrans({" ": "␣", "\n": "↵", "\t": "⇥"})


def word_difference(baseline: str, other: str, texts: Texts, about: int | None = None) -> None:
    """`about`: how many characters of it are drawn; None draws all."""
    words = texts.difference
    if baseline == other:
        st.caption(words["same"])
        answer_text(other if about is None else beginning(other, about), texts)
        return
    pieces = word_differences(baseline, other)
    drawn = _drawn(pieces if about is None else _first(pieces, about))
    if drawn.count("[") - drawn.count("\\[") > MOST_MARKS:
        st.caption(words["too_different"])
        st.text(whole_characters(other if about is None else torn(other, about)))
        return
    share = words["share"].format(percent=f"{similarity(baseline, other):.0%}")
    only_spaces = not any(piece.text.strip() for piece in pieces if piece.kind is not DifferenceKind.SAME)
    removed, added = (
        _marked(words["removed"], DifferenceKind.REMOVED),
        _marked(words["added"], DifferenceKind.ADDED),
    )
    st.caption(words["only_spaces"] if only_spaces else f"{removed} · {added} · {safe_text(share)}")
    st.markdown(drawn)


def _first(pieces: Iterable[DifferencePiece], about: int) -> Iterator[DifferencePiece]:
    left = about
    for piece in pieces:
        if len(piece.text) >= left:
            yield DifferencePiece(piece.kind, torn(piece.text, left))
            return
        yield piece
        left -= len(piece.text)


def _drawn(pieces: Iterable[DifferencePiece]) -> str:
    lines = "".join(_written(piece) for piece in pieces).split("\n")
    return "\\\n".join(line.strip(" \t") or SEAM for line in lines)


def _written(piece: DifferencePiece) -> str:
    if piece.kind is DifferenceKind.SAME:
        return "\n".join(map(safe_text, piece.text.split("\n")))
    if piece.text.strip():
        return "\n".join(_marked(line, piece.kind) for line in piece.text.split("\n"))
    shown = _marked(piece.text.translate(_SPACES), piece.kind)
    return shown + "\n" * (piece.text.count("\n") if piece.kind is DifferenceKind.ADDED else 0)


def _marked(line: str, kind: DifferenceKind) -> str:
    before, after = (
        (":red-background[~~", "~~]") if kind is DifferenceKind.REMOVED else (":green-background[**", "**]")
    )
    return _STRETCH.sub(lambda stretch: before + safe_text(stretch[0]) + after, line)
