"""What can be done with one answer: buttons with names that are read out, and popovers that send their text
once they are opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from comparison.going_on import answered
from comparison.turns import ColumnPicture
from dashboard.shared.answer_marks import Marking, mark_buttons
from dashboard.shared.safe_text import icon_label, safe_text, whole_characters
from dashboard.texts import Texts
from engines.base import Answer


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
            sources(picture.answer, key, texts)
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
        if answered(picture) and (go_on := actions.go_on) is not None:

            def go_on_from(position: int) -> None:
                go_on(position, picture.attempt)

            _button("go_on", ":material/call_split:", key, title, picture, go_on_from, words["go_on_from"])
        sources(picture.answer, key, texts)


def sources(answer: Answer | None, key: str, texts: Texts) -> None:
    """The text as it was made, to copy, and what the model was sent."""
    if answer is None:
        return
    if answer.text:
        _source(f"{key}_copy", ":material/content_copy:", texts.answer["copy"], None, answer.text)
    if answer.prompt:
        sent = texts.answer["prompt_of"].format(format=safe_text(answer.format_id))
        _source(f"{key}_prompt", ":material/data_object:", texts.answer["prompt"], sent, answer.prompt)


def _source(key: str, icon: str, help: str, says: str | None, text: str) -> None:
    """Sent only once it is opened: otherwise every answer would travel twice and every prompt along."""
    opened = st.popover(icon_label(help), icon=icon, type="tertiary", help=help, key=key, on_change="rerun")
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
