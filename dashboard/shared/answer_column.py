"""One answer in its column: its head, the text as it grows or ended, its figures, what can be done with it.

Knows: that it is plain text while it streams, so that half a table never flickers, and that of a growing
text the full pieces stand still and only the open end is sent again. Where a piece ends depends on nothing
that comes later.
Refuses to know: engines, runs, and where the other columns stand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import streamlit as st

from comparison.turns import ColumnPicture
from dashboard.errors import explain
from dashboard.shared.answer_text import long_answer
from dashboard.shared.checked_answer import drawing_of, support_line
from dashboard.shared.safe_text import icon_label, safe_text, whole_characters
from dashboard.texts import Texts
from engines.base import Answer, AnswerRequest, FinishReason, Measures
from search.wish import EXTRACTIVE

_ALARMING = frozenset({FinishReason.LENGTH, FinishReason.STOPPED})

_FIXED_SPACE = "\N{NO-BREAK SPACE}"

_LONG_LOAD = 0.5
"""A load that took so many seconds explains a late first text."""
_SHORTEST, _LONGEST = 1_600, 2_400


@dataclass(frozen=True)
class ColumnActions:
    """What a column's buttons do; each is told the column's position. None: there is no such button."""

    stop: Callable[[int], None] | None = None
    again: Callable[[int], None] | None = None
    better: Callable[[int], None] | None = None
    baseline: Callable[[int], None] | None = None


def column_head(title: str, picture: ColumnPicture, is_baseline: bool, texts: Texts) -> None:
    facts = [f"**{safe_text(title)}**"]
    request = picture.request
    if request.quantization and request.quantization != "none":
        facts.append(f":gray-badge[{safe_text(request.quantization)}]")
    if request.format_id:
        asked_in = texts.answer["asked_in"].format(format=safe_text(request.format_id))
        facts.append(f":orange-badge[{asked_in}]")
    if picture.attempt > 1:
        facts.append(f":gray-badge[{texts.answer['attempt'].format(attempt=picture.attempt)}]")
    if is_baseline:
        facts.append(f":blue-badge[{texts.answer['baseline']}]")
    if picture.better:
        facts.append(f":green-badge[:material/thumb_up: {texts.answer['better']}]")
    st.markdown(" ".join(facts))


def taken_over(request: AnswerRequest, titles: Mapping[str, str], texts: Texts) -> None:
    """Whose answers a model was shown for questions that it was not asked itself."""
    before = request.conversation.turns[:-1]
    lent = [turn.answered_by for turn in before if turn.answered_by]
    if not lent:
        return
    names = ", ".join(safe_text(titles.get(each, each)) for each in dict.fromkeys(lent))
    line = texts.answer["took_over" if len(lent) == len(before) else "took_over_some"]
    st.caption(line.format(titles=names, count=len(lent)))


def full_pieces(picture: ColumnPicture) -> list[str]:
    """What of a growing answer will not change any more."""
    return pieces(picture.text)[0]


def growing_answer(picture: ColumnPicture, texts: Texts) -> None:
    """Drawn again and again, always as two elements."""
    _, end = pieces(picture.text)
    st.text(whole_characters(end) or " ")
    state = texts.notes.get(picture.note, texts.states[picture.state])
    if picture.progress is not None:
        st.progress(picture.progress, text=state)
    else:
        st.caption(_in_a_row(state, *_speeds(picture.measures, texts)))


def ended_answer(picture: ColumnPicture, key: str, baseline: str | None, texts: Texts) -> None:
    """The answer, or how it differs from `baseline` where there is one. `key` is the column's own."""
    answer = picture.answer
    if answer is None:
        st.caption(texts.states[picture.state])
        return
    if answer.cause:
        st.warning(explain(answer.cause, texts), icon=":material/error:")
    if answer.text or not answer.error:
        name = f"{key}_{picture.attempt}"
        compared = None if answer.error else baseline
        long_answer(answer.text, name, texts, compared, drawing_of(answer, name, texts))
        support_line(answer, texts)
    if picture.unsaved:
        st.caption(f":orange[:material/save: {texts.answer['unsaved']}]")
    _figures(answer, texts)


def column_actions(
    picture: ColumnPicture, title: str, key: str, is_baseline: bool, actions: ColumnActions, texts: Texts
) -> None:
    words = texts.answer
    with st.container(horizontal=True, gap="xsmall"):
        if not picture.ended:
            _button("stop", ":material/stop_circle:", key, title, picture, actions.stop, words["stop"])
            return
        _button("again", ":material/refresh:", key, title, picture, actions.again, words["again"])
        if picture.comparable:
            mark = words["not_better"] if picture.better else words["make_better"]
            icon = ":material/close:" if picture.better else ":material/thumb_up:"
            _button("better", icon, key, title, picture, actions.better, mark)
        if picture.answer is not None and not picture.answer.error:
            compared = words["no_baseline"] if is_baseline else words["make_baseline"]
            icon = ":material/close:" if is_baseline else ":material/difference:"
            _button("baseline", icon, key, title, picture, actions.baseline, compared)
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
) -> None:
    if call is None:
        return
    st.button(
        icon_label(f"{label} · {title}"),
        key=f"{key}_{what}",
        icon=icon,
        help=f"{label} · {safe_text(title)}",
        type="tertiary",
        on_click=call,
        args=(picture.position,),
    )


def _figures(answer: Answer, texts: Texts) -> None:
    if answer.model_id == EXTRACTIVE and answer.finish_reason is FinishReason.EOS:
        # No token ended it, and none was the first.
        seconds = answer.measures.seconds_to_first_text or 0.0
        st.caption(_in_a_row(texts.reasons["quoted"], texts.figures["took"].format(seconds=seconds)))
        return
    reason = texts.reasons[answer.finish_reason.value]
    reason = f":orange[{reason}]" if answer.finish_reason in _ALARMING else reason
    measures = answer.measures
    figures = [texts.figures["tokens"].format(tokens=measures.tokens_out)] if measures.tokens_out else []
    st.caption(_in_a_row(reason, *_first_text(measures, texts), *figures, *_speeds(measures, texts)))


def _in_a_row(first: str, *figures: str) -> str:
    """A line ends between two figures: never between a number and its unit, nor before the dot."""
    return f"{_FIXED_SPACE}· ".join([first, *(figure.replace(" ", _FIXED_SPACE) for figure in figures)])


def _first_text(measures: Measures, texts: Texts) -> list[str]:
    seconds = measures.seconds_to_first_text
    figures = [] if seconds is None else [texts.figures["first_text"].format(seconds=seconds)]
    # A model that was in memory already tells how long it once took, which this answer did not wait for.
    if seconds is not None and _LONG_LOAD < (measures.load_seconds or 0.0) <= seconds:
        figures.append(texts.figures["load"].format(seconds=measures.load_seconds))
    return figures


def _speeds(measures: Measures, texts: Texts) -> list[str]:
    speeds = []
    if measures.tokens_per_second is not None:
        speeds.append(texts.figures["speed"].format(speed=measures.tokens_per_second))
    if measures.characters_per_second is not None:
        speeds.append(texts.figures["characters"].format(speed=measures.characters_per_second))
    return speeds


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
