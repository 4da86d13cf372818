"""The attempts at an answer that was asked again: tabs to look at each, and how one differs from another.

What a tab says decides what the whole column shows, so it is asked before anything of the turn is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import streamlit as st

from comparison.attempts import TurnAttempts
from comparison.turns import ColumnPicture, TurnPicture
from dashboard.session.attempts import chosen, difference_key, tab_key
from dashboard.shared.answer_text import difference_legend
from dashboard.shared.column_actions import ColumnActions
from dashboard.texts import Texts

ReadAttempts = Callable[[TurnPicture], TurnAttempts]
"""Where the attempts before the newest are found; TurnAttempts itself finds none."""

_NO_LINK = str.maketrans("[]", "()")
"""Streamlit reads the name of a group out as it is written, and its Markdown too."""


def shown_turn(attempts: TurnAttempts) -> TurnPicture:
    """Each column with the attempt that its tab says."""

    def shown(column: ColumnPicture) -> ColumnPicture:
        wanted = chosen(tab_key(attempts.turn.run_id, column.position, column.attempt))
        return attempts.named(column.position, wanted) or attempts.to_begin_with(column.position)

    return replace(attempts.turn, columns=tuple(map(shown, attempts.turn.columns)))


def actions_of_attempt(
    actions: ColumnActions | None, attempts: TurnAttempts, shown: ColumnPicture
) -> ColumnActions | None:
    """What can be done with the attempt that is shown: the next is asked for once the newest has ended."""
    newest = attempts.newest(shown.position)
    if actions is None or shown.attempt == newest.attempt:
        return actions
    return replace(actions, again=actions.again if newest.ended else None)


def attempt_tabs(attempts: TurnAttempts, shown: ColumnPicture, title: str, texts: Texts) -> None:
    """Nothing where it was asked once; and whether the conversation of all went on from it."""
    if attempts.newest(shown.position).attempt > 1:
        with st.container(horizontal=True, gap="small"):
            _tabs(attempts, shown, title.translate(_NO_LINK), texts)
    if attempts.is_everybodys(shown.position) and shown == attempts.to_begin_with(shown.position):
        st.caption(f":material/call_split: {texts.attempts['everybodys']}")


def _tabs(attempts: TurnAttempts, shown: ColumnPicture, name: str, texts: Texts) -> None:
    words, there, run_id = texts.attempts, attempts.at(shown.position), attempts.turn.run_id
    st.segmented_control(
        words["tabs"].format(title=name),
        [each.attempt for each in there],
        default=attempts.to_begin_with(shown.position).attempt,
        required=True,
        format_func=lambda attempt: words["attempt"].format(attempt=attempt),
        label_visibility="collapsed",
        key=tab_key(run_id, shown.position, there[-1].attempt),
    )
    if others := _comparable(there, shown):
        st.pills(
            words["difference"].format(title=name),
            others,
            format_func=lambda attempt: words["against"].format(attempt=attempt),
            label_visibility="collapsed",
            key=difference_key(run_id, shown.position, shown.attempt),
        )


def attempt_baseline(attempts: TurnAttempts, shown: ColumnPicture, texts: Texts) -> str | None:
    """The text of the attempt that the one that is shown is held against, where it is, and says so."""
    wanted = chosen(difference_key(attempts.turn.run_id, shown.position, shown.attempt))
    found = attempts.named(shown.position, wanted)
    if found is None:
        return None
    st.caption(texts.attempts["baseline"].format(attempt=found.attempt))
    difference_legend(found.said, [shown.said], texts)
    return found.said


def _comparable(there: Sequence[ColumnPicture], shown: ColumnPicture) -> list[int]:
    """The nearest first: of many only some are in view."""
    if not _has_text(shown):
        return []
    others = [each.attempt for each in there if each.attempt != shown.attempt and _has_text(each)]
    return sorted(others, key=lambda attempt: abs(attempt - shown.attempt))


def _has_text(picture: ColumnPicture) -> bool:
    return picture.answer is not None and bool(picture.said) and not picture.answer.error
