"""One question and its answers side by side, whole or, of an earlier turn that is long, one line each.

Knows: what of a column stays in view, that only what still grows is redrawn, and that what is folded is
not sent until it is opened. How columns stand beside each other is in columns.css.
Refuses to know: runs, engines and the history; it draws pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import streamlit as st

from comparison.attempts import TurnAttempts
from comparison.hidden_names import attempts_as_shown
from comparison.turns import ColumnPicture, TurnPicture
from dashboard.shared.answer_column import (
    Growing,
    drawn_so_far,
    ended_answer,
    ended_figures,
    growing_answer,
    growing_place,
)
from dashboard.shared.answer_marks import mark_note
from dashboard.shared.answer_text import difference_legend
from dashboard.shared.asked_how import ReadPreset, asked_line, differing_badges, no_preset
from dashboard.shared.attempts import (
    ReadAttempts,
    actions_of_attempt,
    attempt_baseline,
    attempt_tabs,
    shown_turn,
)
from dashboard.shared.checked_answer import legend, support_table
from dashboard.shared.column_actions import ColumnActions, column_actions
from dashboard.shared.column_head import column_head, taken_over
from dashboard.shared.safe_text import safe_text, whole_characters
from dashboard.shared.score_line import best_position, score_line
from dashboard.shared.sources import searched_part
from dashboard.shared.ticking import ticking
from dashboard.texts import Texts
from search.records import Searched, searched_of

TICK = 0.15
"""Seconds between two drawings of what grows. More often costs traffic, and a reader sees no difference."""

_LOOKS = Path(__file__).with_name("columns.css")
_SHORT = 600
"""A turn whose longest text has no more characters stands on one screen beside others."""
_LINE = 90


def turn_view(
    turn: TurnPicture,
    titles: Mapping[str, str],
    texts: Texts,
    *,
    actions: ColumnActions | None = None,
    baseline: int | None = None,
    left: Sequence[str] = (),
    look: Callable[[], TurnPicture] | None = None,
    tick: float = TICK,
    attempts: ReadAttempts = TurnAttempts,
    preset: ReadPreset = no_preset,
) -> None:
    """`left` are the models that were asked the question before and not this one. `look` gives a newer
    picture of a turn that is not ended, every `tick` seconds; without it the turn is drawn once. `attempts`
    is where those before the newest are found, `preset` tells by what name it was asked as it was."""
    searched = _searched(turn)
    with st.chat_message("user", avatar=":material/person:"):
        st.text(whole_characters(turn.question))
        if turn.input and searched is None:  # what a search found is drawn as sources below
            st.caption(texts.answer["input"])
            st.code(whole_characters(turn.input), language=None, wrap_lines=True)
        if turn.system:
            st.caption(texts.answer["system"])
            st.code(whole_characters(turn.system), language=None, wrap_lines=True)
        asked_line(turn, preset(turn), titles, f"asked_{turn.run_id}", texts)
    if searched is not None:
        searched_part(searched, texts)
    for model_id in left:
        st.caption(texts.answer["left"].format(title=safe_text(titles.get(model_id, model_id))))
    there = attempts_as_shown(attempts(turn))
    shown = shown_turn(there)
    places = _columns(shown, there, titles, texts, actions, baseline)
    if look is None:
        _fill(places, turn, texts)
    elif not turn.ended:
        _grow(places, turn, look, tick, texts)
    if searched is not None and searched.sources and turn.ended:
        legend(texts)
        support_table(shown, titles, texts)


def _searched(turn: TurnPicture) -> Searched | None:
    """The same for all columns."""
    return searched_of(turn.columns[0].request.extras) if turn.columns else None


def _columns(
    turn: TurnPicture,
    attempts: TurnAttempts,
    titles: Mapping[str, str],
    texts: Texts,
    actions: ColumnActions | None,
    baseline: int | None,
) -> dict[int, Growing]:
    """Everything that stays as it is; the places of what grows come back."""
    places: dict[int, Growing] = {}
    compared, best = _text_at(turn, baseline), best_position(turn)
    difference_legend(compared, _texts_against(turn, baseline), texts)
    st.html(_LOOKS)
    with st.container(horizontal=True, key=f"answers_{turn.run_id}"):
        for picture in turn.columns:
            name = f"{turn.run_id}_{picture.position}"
            title = titles.get(picture.request.model_id, picture.request.model_id)
            is_baseline = picture.position == baseline
            can = actions_of_attempt(actions, attempts, picture)
            with st.container(border=True, key=f"answer_{name}"):
                with st.container(gap="xsmall", key=f"head_{name}"):
                    column_head(title, picture, is_baseline, texts)
                    column_actions(picture, title, f"answer_{name}", is_baseline, can, texts)
                if badges := differing_badges(picture, turn, texts):
                    st.markdown(" ".join(badges))
                attempt_tabs(attempts, picture, title, texts)
                mark_note(picture.mark, texts)
                figures = st.container(gap=None, key=f"figures_{name}")
                taken_over(picture.request, titles, texts)
                if picture.ended:
                    with figures:
                        ended_figures(picture, texts)
                    own = attempt_baseline(attempts, picture, texts)
                    against = None if is_baseline else compared
                    ended_answer(picture, f"answer_{name}", against if own is None else own, texts)
                    score_line(picture, titles, picture.position == best, texts)
                else:
                    places[picture.position] = growing_place(picture, f"answer_{name}", figures, texts)
    return places


def _grow(
    places: Mapping[int, Growing],
    drawn: TurnPicture,
    look: Callable[[], TurnPicture],
    tick: float,
    texts: Texts,
) -> None:
    """The page is drawn whole when a column ends, seen or behind an earlier attempt, or a piece of one is
    full."""
    full = {column.position: drawn_so_far(column) for column in drawn.columns if not column.ended}

    def grow() -> None:
        turn = look()
        growing = [column for column in turn.columns if column.position in full]
        if any(column.ended or drawn_so_far(column) != full[column.position] for column in growing):
            st.rerun()
        _fill(places, turn, texts)

    ticking(grow, tick)


def _fill(places: Mapping[int, Growing], turn: TurnPicture, texts: Texts) -> None:
    for column in turn.columns:
        if column.position in places:
            growing_answer(column, places[column.position], texts)


def _texts_against(turn: TurnPicture, baseline: int | None) -> list[str]:
    """What is held against the baseline."""
    others = (column for column in turn.columns if column.position != baseline)
    return [column.said for column in others if column.answer is not None and not column.answer.error]


def _text_at(turn: TurnPicture, position: int | None) -> str | None:
    for column in turn.columns:
        if column.position == position and column.answer is not None:
            return column.said
    return None


def earlier_turn(
    turn: TurnPicture,
    titles: Mapping[str, str],
    texts: Texts,
    left: Sequence[str],
    attempts: ReadAttempts = TurnAttempts,
    preset: ReadPreset = no_preset,
) -> None:
    searched = _searched(turn)
    parts = (turn.question, turn.input, turn.system, *(column.text for column in turn.columns))
    if max(map(len, parts)) <= _SHORT and (searched is None or not searched.sources):
        turn_view(turn, titles, texts, left=left, attempts=attempts, preset=preset)
        return
    folded = st.expander(
        safe_text(_first_line(turn.question)),
        icon=":material/person:",
        key=f"turn_{turn.run_id}",
        on_change="rerun",
    )
    if folded.open:
        with folded:
            turn_view(turn, titles, texts, left=left, attempts=attempts, preset=preset)
    else:
        if searched is not None and searched.sources:
            st.caption(texts.search["sources_folded"].format(count=len(searched.sources)))
        st.caption("\n".join(f"- {_answer_line(column, titles, texts)}" for column in turn.columns))


def _answer_line(column: ColumnPicture, titles: Mapping[str, str], texts: Texts) -> str:
    title = safe_text(titles.get(column.request.model_id, column.request.model_id))
    answer = column.answer
    says = texts.states[column.state] if answer is None else texts.reasons[answer.finish_reason.value]
    return f"**{title}** {safe_text(_first_line(column.said) or says)}"


def _first_line(text: str) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= _LINE else f"{line[:_LINE]}…"
