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

_AROUND, _BAR = 84, 26
"""How many points title and axis take, which Streamlit subtracts from a chart's height, and each bar."""


def run_chart(turn: TurnPicture, titles: Mapping[str, str], texts: Texts) -> None:
    import pandas as pd  # half a second that the first page does not have to wait for

    apart = all(
        column.measures.seconds_to_first_text is None or column.measures.own_seconds_to_first_text is not None
        for column in turn.columns
    )
    figures = pd.DataFrame(
        [
            {
                "model": f"{column.position + 1}. {titles.get(column.request.model_id, '')}",
                "speed": column.measures.tokens_per_second,
                "first": _first(column.measures, apart),
                "waiting": column.measures.waiting_seconds,
                "length": len(column.said),
            }
            for column in turn.columns
        ]
    )
    if not len(figures):
        return
    measures = (
        ("speed", "chart_speed"),
        ("first", "chart_first" if apart else "chart_first_waited"),
        ("waiting", "chart_waiting"),
        ("length", "chart_length"),
    )
    with st.container(horizontal=True):
        for measure, word in measures:
            if figures[measure].isna().all():  # an axis of nothing reaches from infinity to infinity
                continue
            st.altair_chart(
                _bars(figures, measure, texts.answer[word]),
                width="stretch",
                key=f"chart_{turn.run_id}_{measure}",
            )
    if len(figures) > 1:
        st.caption(texts.answer["chart_together"])


def _first(measures: Measures, apart: bool) -> float | None:
    """Own time, unless one answer beside it was given before that was measured."""
    return measures.own_seconds_to_first_text if apart else measures.seconds_to_first_text


def _bars(figures: pd.DataFrame, measure: str, title: str) -> alt.LayerChart:
    import altair as alt  # as above

    base = alt.Chart(figures, title=title).encode(
        y=alt.Y("model:N", title=None, sort=None, axis=alt.Axis(labelLimit=160)),
        x=alt.X(f"{measure}:Q", title=None),
        tooltip=["model", alt.Tooltip(f"{measure}:Q", format=".3~r")],
    )
    text = base.mark_text(align="left", dx=4).encode(text=alt.Text(f"{measure}:Q", format=".3~r"))
    return (base.mark_bar() + text).properties(height=_AROUND + _BAR * len(figures))
