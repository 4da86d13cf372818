"""What a model answered: as the Markdown it is, folded where it is long, or marked against another answer.

Knows: that a model is a stranger, so that code goes to st.code, which changes nothing in it; that a
difference is marked by more than its color; and from which length on a text is folded. A browser builds an
element for each word that is marked and each line of a list: eight answers of 15,000 characters are 78,000
of them and take it many seconds.
Refuses to know: which models answered, and whether the answer is still growing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

import streamlit as st

from comparison.difference import DifferenceKind, DifferencePiece, similarity, word_differences
from dashboard.session.compare import is_unfolded, set_unfolded
from dashboard.shared.markdown_reading import TooTangled, beginning, torn
from dashboard.shared.safe_markdown import CodeBlock, safe_blocks
from dashboard.shared.safe_text import SEAM, safe_text, whole_characters
from dashboard.texts import Texts

_FOLDED_FROM, _SHOWN = 3_000, 2_000
"""From how many characters on a text is folded, and how many are shown then: a click must be worth it."""
MOST_MARKS = 2_000
"""Each mark is an element in the browser; beyond so many everything differs anyway."""
_ALIKE = 0.15
"""The share of words in common below which marks would hide the answer and compare nothing."""
_STRETCH = re.compile(r"\S(?:.{0,398}\S)?")
"""What one mark holds: Streamlit reads no longer one, and a mark may not end in a space."""
DrawText = Callable[[str, Texts], None]
_SPACES = str.maketrans({" ": "␣", "\n": "↵", "\t": "⇥"})


def answer_text(text: str, texts: Texts) -> None:
    try:
        blocks = safe_blocks(text)
    except TooTangled:
        st.text(whole_characters(text))
        return
    for block in blocks:
        if isinstance(block, CodeBlock):
            st.code(block.text, language=block.language, wrap_lines=True)
        else:
            st.markdown(block, anchors=False)
    if not blocks:
        st.caption(texts.answer_text["blank" if text else "empty"])


def long_answer(
    text: str, name: str, texts: Texts, baseline: str | None = None, draw: DrawText = answer_text
) -> None:
    """`name` tells it from all other answers of this tab."""
    longest = max(len(text), len(baseline or ""))
    whole = longest <= _FOLDED_FROM or is_unfolded(name)
    with st.container():  # so that the button stands in its place, and keeps the focus, when more comes
        if baseline is not None:
            word_difference(baseline, text, texts, None if whole else _SHOWN)
        else:
            draw(text if whole else beginning(text, _SHOWN), texts)
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


def word_difference(baseline: str, other: str, texts: Texts, about: int | None = None) -> None:
    """`about`: how many characters of it are drawn; None draws all."""
    words = texts.difference
    alike = similarity(baseline, other)
    if baseline == other or alike < _ALIKE:
        st.caption(words["same" if baseline == other else "too_different"])
        answer_text(other if about is None else beginning(other, about), texts)
    else:
        marked_difference(baseline, other, texts, about)


def marked_difference(baseline: str, other: str, texts: Texts, about: int | None = None) -> None:
    words = texts.difference
    pieces = word_differences(baseline, other)
    drawn = _drawn(pieces if about is None else _first(pieces, about))
    if drawn.count("[") - drawn.count("\\[") > MOST_MARKS:
        st.caption(words["too_different"])
        st.text(whole_characters(other if about is None else torn(other, about)))
        return
    share = words["share"].format(percent=f"{similarity(baseline, other):.0%}")
    only_spaces = not any(piece.text.strip() for piece in pieces if piece.kind is not DifferenceKind.SAME)
    st.caption(words["only_spaces"] if only_spaces else safe_text(share))
    st.markdown(drawn)


def difference_legend(baseline: str | None, others: Iterable[str], texts: Texts) -> None:
    """What the marks mean, once over all texts that are held against one."""
    if baseline is not None and any(
        baseline != other and similarity(baseline, other) >= _ALIKE for other in others
    ):
        words = texts.difference
        removed = _marked(words["removed"], DifferenceKind.REMOVED)
        st.caption(f"{removed} · {_marked(words['added'], DifferenceKind.ADDED)}")


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
