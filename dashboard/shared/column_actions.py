"""What can be done with one answer: buttons with names that are read out, in one row of the narrowest column,
and a menu for what is rarer, which sends what is in it once it is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from comparison.going_on import answered
from comparison.turns import ColumnPicture
from dashboard.session.shared import close_menu
from dashboard.shared.answer_marks import Marking, mark_buttons, note_fold
from dashboard.shared.safe_text import icon_label, safe_text, whole_characters
from dashboard.texts import Texts


@dataclass(frozen=True)
class ColumnActions:
    """What a column's buttons do; each is told the column's position. None: there is no such button."""

    stop: Callable[[int], None] | None = None
    again: Callable[[int], None] | None = None
    marking: Marking | None = None
    baseline: Callable[[int], None] | None = None
    go_on: Callable[[int, int], None] | None = None
    """Told the attempt, too."""


def column_actions(
    picture: ColumnPicture,
    title: str,
    key: str,
    is_baseline: bool,
    actions: ColumnActions | None,
    texts: Texts,
) -> None:
    """Where there are no `actions` the text can still be looked at and copied."""
    words = texts.answer
    with st.container(horizontal=True, gap="xsmall"):
        if actions is None:
            menu(picture, title, key, ColumnActions(), texts)
            return
        if not picture.ended:
            _button("stop", ":material/stop_circle:", key, title, picture, actions.stop, words["stop"])
            return
        failed = picture.answer is not None and bool(picture.answer.error)
        again = words["retry" if failed else "again"]
        _button("again", ":material/refresh:", key, title, picture, actions.again, again, seen=failed)
        if actions.marking is not None:
            mark_buttons(picture, title, key, actions.marking, texts)
        if picture.answer is not None and not picture.answer.error:
            compared = words["no_baseline"] if is_baseline else words["make_baseline"]
            icon = ":material/close:" if is_baseline else ":material/difference:"
            _button("baseline", icon, key, title, picture, actions.baseline, compared)
        menu(picture, title, key, actions, texts)


def menu(picture: ColumnPicture, title: str, key: str, actions: ColumnActions, texts: Texts) -> None:
    """To go on from the answer, a note, the text as it was made, to copy, and what the model was sent."""
    answer, words = picture.answer, texts.answer
    go_on = actions.go_on if answered(picture) else None
    noted = actions.marking if picture.markable else None
    text, prompt, format_id = (answer.text, answer.prompt, answer.format_id) if answer else ("", "", "")
    if not (go_on or noted or text or prompt):
        return
    label = f"{words['more']} · "
    opened = st.popover(
        icon_label(label + title),
        icon=":material/more_horiz:",
        type="tertiary",
        help=label + safe_text(title),
        key=f"{key}_more",
        on_change="rerun",
    )
    if not opened.open:
        return
    with opened, st.container(gap="small"):
        st.markdown(f"**{safe_text(title)}**")
        if go_on is not None:
            _go_on(go_on, picture, key, words["go_on_from"])
        if noted is not None:
            note_fold(picture, title, key, noted, texts)
        _source(f"{key}_copy", ":material/content_copy:", words["copy"], None, text)
        sent = words["prompt_of"].format(format=safe_text(format_id))
        _source(f"{key}_prompt", ":material/data_object:", words["prompt"], sent, prompt)


def _go_on(go_on: Callable[[int, int], None], picture: ColumnPicture, key: str, label: str) -> None:
    """The menu closes: what was picked is said at the box for a question."""

    def picked() -> None:
        go_on(picture.position, picture.attempt)
        close_menu(f"{key}_more")

    st.button(label, key=f"{key}_go_on", icon=":material/call_split:", type="tertiary", on_click=picked)


def _source(key: str, icon: str, label: str, says: str | None, text: str) -> None:
    """Sent only once it is opened: otherwise every answer would travel twice and every prompt along."""
    if not text:
        return
    opened = st.expander(label, icon=icon, key=key, on_change="rerun")
    if opened.open:
        with opened:
            if says:
                st.caption(says)
            st.code(whole_characters(text), language=None, wrap_lines=True)


def _button(
    what: str,
    icon: str,
    key: str,
    title: str,
    picture: ColumnPicture,
    call: Callable[[int], None] | None,
    label: str,
    seen: bool = False,
) -> None:
    """`seen`: whether the label is written beside the icon."""
    if call is None:
        return
    st.button(
        label + icon_label(f" · {title}") if seen else icon_label(f"{label} · {title}"),
        key=f"{key}_{what}",
        icon=icon,
        help=f"{label} · {safe_text(title)}",
        type="tertiary",
        on_click=call,
        args=(picture.position,),
    )
