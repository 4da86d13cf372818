"""Questions across, models down, one measure as color: where a model is long, slow or breaks off.

A cell opens its question by a click; by the keyboard, and for who knows the number, a box of numbers does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import altair as alt
import pandas as pd
import streamlit as st

from comparison.batch.results import Measure, ResultRow
from dashboard.session import batch
from dashboard.session.shared import start_with
from dashboard.shared.safe_text import whole_characters
from dashboard.texts import Texts

_ROW_HEIGHT, _AROUND = 34, 120
"""How many pixels a model takes, and the legend and the axis together."""
_LONGEST_QUESTION = 80
_REASONS = ("eos", "stop_string", "length", "stopped", "failed")
_COLORS = ("#4c9f70", "#7fb6d6", "#e0a030", "#9a9a9a", "#cc4b4b")
_NOTHING = "#8888882e"


def batch_heatmap(
    rows: Sequence[ResultRow],
    names: Mapping[str, str],
    open_question: Callable[[ResultRow], None],
    texts: Texts,
) -> None:
    start_with(batch.MEASURE, Measure.CHARACTERS)
    chosen = st.segmented_control(
        texts.batch["measure"],
        [each for each in Measure if each is not Measure.SCORE or any(row.score is not None for row in rows)],
        key=batch.MEASURE,
        persist_state="session",
        required=True,
        format_func=lambda each: texts.batch[f"measure_{each}"],
    )
    heatmap_or_words(rows, Measure(str(chosen)), names, texts)
    numbers = {row.number: row for row in reversed(rows)}
    number = st.number_input(
        texts.batch["open_number"],
        1,
        max(numbers),
        None,
        key=batch.OPENED_NUMBER,
        placeholder=texts.batch["open_number_hint"],
        width=260,
    )
    if number in numbers:
        open_question(numbers[number])


def heatmap_or_words(
    rows: Sequence[ResultRow], measure: Measure, names: Mapping[str, str], texts: Texts
) -> None:
    """Texts where there is nothing to draw."""
    if all(measure.of(row) is None for row in rows):
        st.info(texts.batch["nothing_measured"], icon=":material/grid_off:")
        return
    st.altair_chart(
        heatmap(rows, measure, names, texts),
        width="stretch",
        key=batch.heatmap_key(measure),
        on_select=partial(batch.open_selected, measure),
        selection_mode=batch.CELL,
    )


def heatmap(
    rows: Sequence[ResultRow], measure: Measure, names: Mapping[str, str], texts: Texts
) -> alt.LayerChart:
    words, title = texts.batch, texts.batch[f"measure_{measure}"]
    shown = (
        (lambda value: texts.reasons[value]) if measure is Measure.FINISH_REASON else (lambda value: value)
    )
    values = [measure.of(row) for row in rows]
    data = pd.DataFrame(
        {
            "number": [row.number for row in rows],
            "model": [names[row.model_id] for row in rows],
            "question": [whole_characters(row.question[:_LONGEST_QUESTION]) for row in rows],
            "value": [None if value is None else shown(value) for value in values],
        }
    )
    order = list(dict.fromkeys(data["model"]))
    every = max(1, len(set(data["number"])) // 30)
    cells = alt.Chart(data).encode(
        x=alt.X("number:O", title=words["question_number"], axis=_axis(every)),
        y=alt.Y("model:N", title=None, sort=order, axis=alt.Axis(labelLimit=180)),
        tooltip=[
            alt.Tooltip("number:O", title=words["question_number"]),
            alt.Tooltip("question:N", title=words["question"]),
            alt.Tooltip("model:N", title=words["model"]),
            alt.Tooltip("value", type=_kind(measure), title=title, format=_format(measure)),
        ],
    )
    empty = cells.transform_filter("!isValid(datum.value)").mark_rect(
        color=_NOTHING,
        cursor="pointer",
        aria=None in values,  # a layer of nothing is read out without a name
    )
    filled = cells.transform_filter("isValid(datum.value)").mark_rect(cursor="pointer")
    colored = filled.encode(_color(measure, title, texts))
    clicked = alt.selection_point(name=batch.CELL, fields=["number"])
    layers = alt.layer(empty, colored.add_params(clicked))
    return layers.properties(height=_ROW_HEIGHT * len(order) + _AROUND)


def _color(measure: Measure, title: str, texts: Texts) -> alt.Color:
    legend = alt.Legend(orient="top", gradientLength=220)
    if measure is Measure.FINISH_REASON:
        names = [texts.reasons[reason] for reason in _REASONS]
        return alt.Color(
            "value:N", title=None, legend=legend, scale=alt.Scale(domain=names, range=list(_COLORS))
        )
    return alt.Color("value:Q", title=title, legend=legend, scale=alt.Scale(scheme="viridis", zero=True))


def _axis(every: int) -> alt.Axis:
    labels = f"datum.value % {every} == 0 || datum.value == 1 ? datum.value : ''"
    return alt.Axis(labelAngle=0, labelExpr=labels, ticks=False, labelOverlap=True)


def _kind(measure: Measure) -> str:
    return "nominal" if measure is Measure.FINISH_REASON else "quantitative"


def _format(measure: Measure) -> str:
    return {Measure.CHARACTERS: ",.0f", Measure.FINISH_REASON: ""}.get(measure, ",.2f")
