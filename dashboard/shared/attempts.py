"""The attempts at an answer that was asked again: tabs to look at each, and how one differs from another.

What a tab says decides what the whole column shows, so it is asked before anything of the turn is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import streamlit as st

from comparison.attempts import Attempts, attempt_of
from comparison.turns import ColumnPicture, TurnPicture
from dashboard.session.attempts import chosen, difference_key, tab_key
from dashboard.shared.answer_text import difference_legend
from dashboard.shared.column_actions import ColumnActions
from dashboard.texts import Texts

ReadAttempts = Callable[[TurnPicture], Attempts]
"""Where the attempts before the newest are found."""

_NO_LINK = str.maketrans("[]", "()")
"""Streamlit reads the name of a group out as it is written, and its Markdown too."""


def no_attempts(turn: TurnPicture) -> Attempts:
    return {}


def shown_turn(turn: TurnPicture, attempts: Attempts) -> TurnPicture:
    """Each column with the attempt that its tab says."""

    def shown(column: ColumnPicture) -> ColumnPicture:
        wanted = chosen(tab_key(turn.run_id, column.position, column.attempt))
        found = None if wanted is None else attempt_of(turn, attempts, column.position, wanted)
        return found or column

    return replace(turn, columns=tuple(map(shown, turn.columns)))


def actions_of_attempt(
    actions: ColumnActions | None, turn: TurnPicture, shown: ColumnPicture
) -> ColumnActions | None:
    """What can be done with the attempt that is shown: the next is asked for once the newest has ended."""
    newest = _newest(turn, shown)
    if actions is None or shown.attempt == newest.attempt:
        return actions
    return replace(actions, again=actions.again if newest.ended else None)


def _newest(turn: TurnPicture, shown: ColumnPicture) -> ColumnPicture:
    return next(column for column in turn.columns if column.position == shown.position)


def attempt_tabs(
    turn: TurnPicture, attempts: Attempts, shown: ColumnPicture, title: str, texts: Texts
) -> None:
    """Nothing where it was asked once."""
    newest = _newest(turn, shown)
    there = [*attempts.get(shown.position, ()), newest]
    if newest.attempt == 1:
        return
    words, name = texts.attempts, title.translate(_NO_LINK)
    with st.container(horizontal=True, gap="small"):
        st.segmented_control(
            words["tabs"].format(title=name),
            [each.attempt for each in there],
            default=newest.attempt,
            required=True,
            format_func=lambda attempt: words["attempt"].format(attempt=attempt),
            label_visibility="collapsed",
            key=tab_key(turn.run_id, shown.position, newest.attempt),
        )
        if others := _comparable(there, shown):
            st.pills(
                words["difference"].format(title=name),
                [each.attempt for each in others],
                format_func=lambda attempt: words["against"].format(attempt=attempt),
                label_visibility="collapsed",
                key=difference_key(turn.run_id, shown.position, shown.attempt),
            )


def attempt_baseline(turn: TurnPicture, attempts: Attempts, shown: ColumnPicture, texts: Texts) -> str | None:
    """The text of the attempt that the one that is shown is held against, where it is, and says so."""
    wanted = chosen(difference_key(turn.run_id, shown.position, shown.attempt))
    found = None if wanted is None else attempt_of(turn, attempts, shown.position, wanted)
    if found is None:
        return None
    st.caption(texts.attempts["baseline"].format(attempt=found.attempt))
    difference_legend(found.text, [shown.text], texts)
    return found.text


def _comparable(there: Sequence[ColumnPicture], shown: ColumnPicture) -> list[ColumnPicture]:
    if not _has_text(shown):
        return []
    return [each for each in there if each.attempt != shown.attempt and _has_text(each)]


def _has_text(picture: ColumnPicture) -> bool:
    return picture.answer is not None and bool(picture.answer.text) and not picture.answer.error
