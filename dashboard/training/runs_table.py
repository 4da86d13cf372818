"""The trainings of this home as a table, the newest first: sorted by any column, opened and compared.

Rows are picked in the table or by name in the box above it; both always hold the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, tzinfo
from functools import partial
from typing import Any

import streamlit as st

from dashboard.session import training
from dashboard.shared.safe_text import whole_characters
from dashboard.texts import Texts
from dashboard.training.run_settings import ChangeUnit, change_in_words, data_names, method_of, rate_of
from finetune.jobs import Job, RunSummary

MOST_COMPARED = 8
"""As many as the theme has colors for that stay apart."""
_MOST_HEIGHT = 430
_UNITS: Mapping[str, ChangeUnit] = {"held_out_loss": "percent", "held_out_accuracy": "points"}
"""In which the main figure of a kind changes; all others as numbers."""


def training_runs(
    jobs: Sequence[Job],
    summary_of: Callable[[Job], RunSummary],
    titles: Mapping[str, str],
    zone: tzinfo,
    texts: Texts,
) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(texts.training["list"], width="stretch")
        st.button(
            texts.training["list_again"], key=training.LIST_AGAIN, icon=":material/refresh:", type="tertiary"
        )
    if not jobs:
        st.info(texts.training["list_empty"], icon=":material/model_training:")
        return
    there = [job.name for job in jobs]
    picked = _picked(there, texts)
    shown = _of_kind(jobs, texts)
    names = [job.name for job in shown]
    key = training.table_key(names)
    marked = [row for row, name in enumerate(names) if name in picked]
    table = _table(shown, summary_of, titles, zone, texts)
    st.dataframe(
        table,
        key=key,
        width="stretch",
        height=_MOST_HEIGHT if len(names) > 10 else "auto",
        hide_index=True,
        column_config=_columns(texts),
        on_select=partial(_take, key, names, there),
        selection_mode="multi-row",
        selection_default={"selection": {"rows": marked}},
        placeholder="",
        alt=texts.training["list"],
    )


def figure_words(summary: RunSummary, texts: Texts) -> str:
    name = f"curve_{summary.figure}"
    return texts.runs.get(name) or texts.training.get(name) or texts.kinds[name]


def change_told(summary: RunSummary, texts: Texts) -> str:
    unit = _UNITS.get(summary.figure, "number")
    return change_in_words((summary.before, summary.after), texts, unit)


def figure_told(value: float | None) -> float | None:
    """As it is shown: what is nothing but rounding has no sign."""
    return None if value is None else round(value, 3) + 0.0


def _picked(names: Sequence[str], texts: Texts) -> list[str]:
    picked = training.picked(names)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.multiselect(
            texts.runs["pick"],
            names,
            key=training.PICKED,
            persist_state="session",
            placeholder=texts.runs["pick_hint"],
            help=texts.runs["pick_help"],
            on_change=training.picked_elsewhere,
            select_all=False,
            width="stretch",
        )
        st.button(
            texts.training["open"],
            key=training.OPEN_PICKED,
            icon=":material/folder_open:",
            disabled=len(picked) != 1,
            help=texts.runs["open_help"],
            on_click=training.open_run,
            args=tuple(picked),
        )
        st.button(
            texts.runs["compare"],
            key=training.COMPARE_PICKED,
            icon=":material/stacked_line_chart:",
            type="primary",
            disabled=not 2 <= len(picked) <= MOST_COMPARED,
            help=texts.runs["compare_help"].format(most=MOST_COMPARED),
            on_click=training.open_run,
            args=tuple(picked),
        )
    return picked


def _take(key: str, shown: Sequence[str], there: Sequence[str]) -> None:
    """What is picked in the table, and what was picked of rows that are not shown now."""
    rows = st.session_state[key]["selection"]["rows"]
    others = [name for name in training.picked(there) if name not in shown]
    training.pick([*others, *(shown[row] for row in rows if row < len(shown))])


def _of_kind(jobs: Sequence[Job], texts: Texts) -> Sequence[Job]:
    """Those of one kind, where there are several kinds and one was chosen."""
    kinds = list(dict.fromkeys(job.kind for job in jobs))
    if len(kinds) < 2:
        return jobs
    chosen = st.pills(
        texts.kinds["list_kind"],
        kinds,
        key=training.KIND_FILTER,
        persist_state="session",
        format_func=lambda kind: texts.kinds.get(kind, kind),
        label_visibility="collapsed",
    )
    return jobs if chosen is None else [job for job in jobs if job.kind == chosen]


def _table(
    jobs: Sequence[Job],
    summary_of: Callable[[Job], RunSummary],
    titles: Mapping[str, str],
    zone: tzinfo,
    texts: Texts,
) -> Any:
    import pandas as pd  # not before there is a table

    rows = []
    for job in jobs:
        found, status, base = summary_of(job), job.status, str(job.settings.get("base_model", ""))
        rows.append(
            {
                "name": job.name,
                "state": texts.training[f"state_{job.state}"],
                "kind": texts.kinds.get(job.kind, job.kind),
                "method": method_of(job, texts),
                "base": whole_characters(titles.get(base, base)),
                "data": whole_characters(", ".join(data_names(job))),
                "rate": rate_of(job, found),
                "figure": figure_words(found, texts),
                "before": figure_told(found.before),
                "after": figure_told(found.after),
                "change": change_told(found, texts),
                "minutes": None if found.seconds is None else found.seconds / 60,
                "steps": f"{status.step:,} / {status.total_steps:,}" if status.total_steps else "",
                "asked": _moment(job.asked, zone),
            }
        )
    return pd.DataFrame(rows)


def _columns(texts: Texts) -> dict[str, Any]:
    words, column = texts.runs, st.column_config
    numbers = {"rate": "%g", "before": "%.3f", "after": "%.3f", "minutes": "%.1f"}
    return {
        "name": column.TextColumn(texts.training["name"], pinned=True, width="medium"),
        **{
            name: column.TextColumn(
                words[f"column_{name}"], width="small" if name in ("kind", "state") else None
            )
            for name in ("state", "kind", "method", "base", "data", "figure", "change")
        },
        **{name: column.NumberColumn(words[f"column_{name}"], format=form) for name, form in numbers.items()},
        "steps": column.TextColumn(texts.training["step"]),
        "asked": column.DatetimeColumn(words["column_asked"], format="YYYY-MM-DD HH:mm"),
    }


def _moment(at: str, zone: tzinfo) -> datetime | None:
    with suppress(ValueError):
        return datetime.fromisoformat(at).astimezone(zone)
    return None
