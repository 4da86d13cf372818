"""What to look for in the history, as a person says it.

Knows: the widgets, and what is looked for once they are set.
Refuses to know: how anything is found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo

import streamlit as st

from comparison.history.records import StoredState, Wanted
from dashboard.session import history
from dashboard.words import Words

_SHOWN_STATES = (StoredState.DONE, StoredState.FAILED, StoredState.STOPPED, StoredState.INTERRUPTED)


def history_filters(
    models: Sequence[str], titles: Mapping[str, str], formats: Sequence[str], zone: tzinfo, said: Words
) -> Wanted:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = st.text_input(
            said.history["search"],
            key=history.SEARCH,
            placeholder=said.history["search_hint"],
            on_change=history.go_newest,
        )
        with st.popover(said.history["filters"], icon=":material/filter_list:", key="history_filters"):
            chosen = st.multiselect(
                said.history["models"],
                models,
                key=history.MODELS,
                format_func=lambda model: titles.get(model, model),
                on_change=history.go_newest,
            )
            since, until = _dates(zone, said)
            states = _states(said)
            greedy, batches = _sampling(said), _batches(said)
            format_id = _format(formats, said)
    return Wanted(
        words=words,
        models=tuple(chosen),
        since=since,
        until=until,
        states=states,
        greedy=greedy,
        format_id=format_id,
        batches=batches,
    )


def _dates(zone: tzinfo, said: Words) -> tuple[datetime | None, datetime | None]:
    """From the beginning of the first day to the end of the last, where the reader is."""
    nothing: list[date | datetime | str | None] = []
    days = st.date_input(said.history["dates"], nothing, key=history.DATES, on_change=history.go_newest)
    picked = [day for day in days if isinstance(day, date)] if isinstance(days, tuple) else []
    if not picked:
        return None, None
    since = datetime.combine(picked[0], time.min, zone)
    if len(picked) < 2:
        return since, None
    return since, datetime.combine(picked[1] + timedelta(days=1), time.min, zone)


def _states(said: Words) -> tuple[StoredState, ...]:
    return tuple(
        st.pills(
            said.history["states"],
            _SHOWN_STATES,
            selection_mode="multi",
            key=history.STATES,
            format_func=lambda state: said.states[state.value],
            on_change=history.go_newest,
        )
    )


def _sampling(said: Words) -> bool | None:
    words = {True: said.history["greedy"], False: said.history["sampled"]}
    return st.pills(
        said.history["sampling"],
        [True, False],
        key=history.SAMPLING,
        format_func=lambda each: words[each],
        on_change=history.go_newest,
    )


def _batches(said: Words) -> bool | None:
    words = {False: said.history["single"], True: said.history["of_batches"]}
    return st.pills(
        said.history["kind"],
        [False, True],
        key=history.BATCHES,
        format_func=lambda each: words[each],
        on_change=history.go_newest,
    )


def _format(formats: Sequence[str], said: Words) -> str | None:
    chosen: str | None = st.selectbox(
        said.history["format"],
        formats,
        index=None,
        key=history.FORMAT,
        placeholder=said.history["any"],
        on_change=history.go_newest,
    )
    return chosen
