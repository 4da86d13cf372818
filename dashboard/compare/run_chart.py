"""Speed and length of the answers to one question as bars, apart from comparing.py, which draws no chart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from comparison.turns import TurnPicture
from dashboard.texts import Texts
from engines.base import Measures

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_AROUND, _BAR, _LEGEND = 84, 26, 48
"""How many points title and axis take, which Streamlit subtracts from a chart's height, each bar, and what
the colors mean."""
_IN_A_ROW = 2
"""More of them have no room for bars beside the names."""
_ON_BOTH = "#7a7a7a"
"""Figures are read on a light and on a dark page; Streamlit's theme leaves marks of text black."""
_COMPARED = ("speed", "first")
"""What is measured of a model that is asked alone, too."""


def run_chart(
    turn: TurnPicture, titles: Mapping[str, str], texts: Texts, alone: Mapping[int, Measures] | None = None
) -> None:
    """`alone`: what was measured of models asked one after another, by position; it is drawn beside what they
    took together."""
    if not turn.columns:
        return
    import pandas as pd  # half a second that the first page does not have to wait for

    apart = all(
        column.measures.seconds_to_first_text is None or column.measures.own_seconds_to_first_text is not None
        for column in turn.columns
    )
    together, by_itself = texts.answer["chart_shared"], texts.answer["chart_alone"]
    rows = []
    for column in turn.columns:
        model = f"{column.position + 1}. {titles.get(column.request.model_id, '')}"
        rest = {"waiting": column.measures.waiting_seconds, "length": len(column.said)}
        rows.append({"model": model, "asked": together, **_compared(column.measures, apart), **rest})
        if alone and column.position in alone:
            rows.append({"model": model, "asked": by_itself, **_compared(alone[column.position], apart)})
    figures = pd.DataFrame(rows)
    answered = figures[figures["asked"] == together]
    measures = (
        ("speed", "chart_speed"),
        ("first", "chart_first" if apart else "chart_first_waited"),
        ("waiting", "chart_waiting"),
        ("length", "chart_length"),
    )
    # An axis of nothing reaches from infinity to infinity.
    drawn = [(measure, word) for measure, word in measures if not figures[measure].isna().all()]
    for at in range(0, len(drawn), _IN_A_ROW):
        for place, (measure, word) in zip(st.columns(_IN_A_ROW), drawn[at : at + _IN_A_ROW], strict=False):
            place.altair_chart(
                _bars(figures if measure in _COMPARED else answered, measure, texts.answer[word]),
                width="stretch",
                key=f"chart_{turn.run_id}_{measure}",
            )
    if len(answered) > 1:
        st.caption(texts.answer["chart_together"])


def _compared(measures: Measures, apart: bool) -> dict[str, float | None]:
    """Own time to the first text, unless one answer beside it was given before that was measured."""
    first = measures.own_seconds_to_first_text if apart else measures.seconds_to_first_text
    return {"speed": measures.tokens_per_second, "first": first}


def _bars(figures: pd.DataFrame, measure: str, title: str) -> alt.LayerChart:
    import altair as alt  # as above

    base = alt.Chart(figures, title=title).encode(
        y=alt.Y("model:N", title=None, sort=None, axis=alt.Axis(labelLimit=160)),
        x=alt.X(f"{measure}:Q", title=None),
        tooltip=["model", alt.Tooltip(f"{measure}:Q", format=".3~r")],
    )
    bars, height = base.mark_bar(), _AROUND + _BAR * len(figures)
    if figures["asked"].nunique() > 1:
        base = base.encode(yOffset=alt.YOffset("asked:N", sort=None))
        legend = alt.Legend(orient="bottom", direction="vertical")
        kinds = alt.Color("asked:N", title=None, sort=None, legend=legend)
        bars, height = base.mark_bar().encode(color=kinds), height + _LEGEND
    text = base.mark_text(align="left", dx=4, color=_ON_BOTH).encode(
        text=alt.Text(f"{measure}:Q", format=".3~r")
    )
    return (bars + text).properties(height=height)
