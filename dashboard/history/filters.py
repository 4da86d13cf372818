"""What to look for in the history: the widgets, and the filter that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo

import streamlit as st

from dashboard.session import history
from dashboard.texts import Texts
from history.records import HistoryFilter, Marked, StoredState

_SHOWN_STATES = (StoredState.DONE, StoredState.FAILED, StoredState.STOPPED, StoredState.INTERRUPTED)


def history_filters(
    models: Sequence[str], titles: Mapping[str, str], formats: Sequence[str], zone: tzinfo, texts: Texts
) -> HistoryFilter:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = st.text_input(
            texts.history["search"],
            key=history.SEARCH,
            placeholder=texts.history["search_hint"],
            on_change=history.go_newest,
        )
        with st.popover(texts.history["filters"], icon=":material/filter_list:", key="history_filters"):
            chosen = st.multiselect(
                texts.history["models"],
                models,
                key=history.MODELS,
                format_func=lambda model: titles.get(model, model),
                on_change=history.go_newest,
                placeholder=texts.history["any"],
                select_all=False,
            )
            since, until = _dates(zone, texts)
            states = _states(texts)
            marks = _marks(texts)
            greedy, batches = _sampling(texts), _batches(texts)
            format_id = _format(formats, texts)
    return HistoryFilter(
        words=words,
        models=tuple(chosen),
        since=since,
        until=until,
        states=states,
        marks=marks,
        greedy=greedy,
        format_id=format_id,
        batches=batches,
    )


def _dates(zone: tzinfo, texts: Texts) -> tuple[datetime | None, datetime | None]:
    """From the beginning of the first day to the end of the last, where the reader is."""
    nothing: list[date | datetime | str | None] = []
    days = st.date_input(texts.history["dates"], nothing, key=history.DATES, on_change=history.go_newest)
    picked = [day for day in days if isinstance(day, date)] if isinstance(days, tuple) else []
    if not picked:
        return None, None
    since = datetime.combine(picked[0], time.min, zone)
    if len(picked) < 2:
        return since, None
    return since, datetime.combine(picked[1] + timedelta(days=1), time.min, zone)


def _states(texts: Texts) -> tuple[StoredState, ...]:
    return tuple(
        st.pills(
            texts.history["states"],
            _SHOWN_STATES,
            selection_mode="multi",
            key=history.STATES,
            format_func=lambda state: texts.states[state.value],
            on_change=history.go_newest,
        )
    )


def _marks(texts: Texts) -> tuple[Marked, ...]:
    return tuple(
        st.pills(
            texts.history["marks"],
            list(Marked),
            selection_mode="multi",
            key=history.MARKS,
            format_func=lambda each: texts.history[f"marked_{each}"],
            on_change=history.go_newest,
        )
    )


def _sampling(texts: Texts) -> bool | None:
    words = {True: texts.history["greedy"], False: texts.history["sampled"]}
    return st.pills(
        texts.history["sampling"],
        [True, False],
        key=history.SAMPLING,
        format_func=lambda each: words[each],
        on_change=history.go_newest,
    )


def _batches(texts: Texts) -> bool | None:
    words = {False: texts.history["single"], True: texts.history["of_batches"]}
    return st.pills(
        texts.history["kind"],
        [False, True],
        key=history.BATCHES,
        format_func=lambda each: words[each],
        on_change=history.go_newest,
    )


def _format(formats: Sequence[str], texts: Texts) -> str | None:
    chosen: str | None = st.selectbox(
        texts.history["format"],
        formats,
        index=None,
        key=history.FORMAT,
        placeholder=texts.history["any"],
        on_change=history.go_newest,
    )
    return chosen
