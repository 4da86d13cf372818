"""What a person found of an answer, apart from its other buttons because rated answers are drawn without them
too: badges and the note, the buttons that set each or take it back, and the box for the note."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from comparison.turns import ColumnPicture
from dashboard.shared.safe_text import icon_label, safe_text, whole_characters
from dashboard.texts import Texts
from history.records import BAD, BETTER, GOOD, LONGEST_NOTE, AnswerMark, MarkChange

_ICONS = {BETTER: ":material/trophy:", GOOD: ":material/thumb_up:", BAD: ":material/thumb_down:"}
_COLORS = {BETTER: "green", GOOD: "green", BAD: "red"}

_NO_LINK = str.maketrans("[]", "()")
"""The label of a box is read out as it is written, and its Markdown too."""


@dataclass(frozen=True)
class Marking:
    """What marking does on the page that draws an answer."""

    set: Callable[[int, int, MarkChange], None]
    """Told position and attempt; what is to be, never a turn to the other side, for Streamlit may tell a
    click again."""
    compares: bool
    """Whether something stands beside, than which an answer can be better."""


def mark_badges(mark: AnswerMark, texts: Texts) -> list[str]:
    found = [BETTER] if mark.better else []
    found += [mark.rating] if mark.rating in (GOOD, BAD) else []
    return [f":{_COLORS[each]}-badge[{_ICONS[each]} {texts.answer[each]}]" for each in found]


def mark_note(mark: AnswerMark, texts: Texts) -> None:
    if mark.note:
        st.caption(f":material/sticky_note_2: {texts.answer['note']}: {safe_text(mark.note)}")


def mark_buttons(picture: ColumnPicture, title: str, key: str, marking: Marking, texts: Texts) -> None:
    mark = picture.mark
    if marking.compares and (picture.comparable or mark.better):
        _button(BETTER, mark.better, MarkChange(better=not mark.better), picture, title, key, marking, texts)
    if not picture.markable:
        return
    for rating in (GOOD, BAD):
        is_set = mark.rating == rating
        change = MarkChange(rating="" if is_set else rating)
        _button(rating, is_set, change, picture, title, key, marking, texts)


def _button(
    what: str,
    is_set: bool,
    change: MarkChange,
    picture: ColumnPicture,
    title: str,
    key: str,
    marking: Marking,
    texts: Texts,
) -> None:
    label = texts.answer[f"not_{what}" if is_set else f"make_{what}"]
    st.button(
        icon_label(f"{label} · {title}"),
        key=f"{key}_{what}",
        icon=_ICONS[what],
        help=f"{label} · {safe_text(title)}",
        type="secondary" if is_set else "tertiary",
        on_click=marking.set,
        args=(picture.position, picture.attempt, change),
    )


def note_fold(picture: ColumnPicture, title: str, key: str, marking: Marking, texts: Texts) -> None:
    """Its box is sent once it is opened, and keeps what is typed until it is saved."""
    words, held = texts.answer, picture.mark.note
    label = words["change_note" if held else "make_note"]
    opened = st.expander(label, icon=":material/edit_note:", key=f"{key}_note", on_change="rerun")
    if not opened.open:
        return
    with opened, st.form(f"{key}_{picture.attempt}_note_form", border=False):
        note = st.text_area(
            f"{words['note']} · {title.translate(_NO_LINK)}",
            whole_characters(held),
            max_chars=LONGEST_NOTE,
            key=f"{key}_{picture.attempt}_note_text",
            placeholder=words["note_hint"],
        )
        with st.container(horizontal=True):
            saved = st.form_submit_button(words["save_note"], type="primary")
            removed = bool(held) and st.form_submit_button(words["remove_note"])
    if saved or removed:
        marking.set(picture.position, picture.attempt, MarkChange(note="" if removed else note))
        st.rerun()
