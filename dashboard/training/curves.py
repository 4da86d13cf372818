"""A training as curves: loss beside held-out loss, learning rate, speed and memory.

Knows: how the reports of a training become four charts that stay small however long it runs.
Refuses to know: where the reports come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.texts import Texts
from finetune.jobs import Metric

if TYPE_CHECKING:
    import altair as alt

_MOST_POINTS = 500
_SMALL = ("learning_rate", "tokens_per_second", "memory_bytes")


def training_curves(metrics: Sequence[Metric], texts: Texts) -> None:
    losses = [
        {"step": metric.step, "value": value, "of": texts.training[f"curve_{name}"]}
        for name in ("loss", "held_out_loss")
        for metric, value in thinned(metrics, name)
    ]
    if losses:
        chart = _lines(losses, texts.training["curve_losses"], texts, height=340)
        st.altair_chart(chart, width="stretch", key="training_curve_losses")
    small = {name: thinned(metrics, name) for name in _SMALL}
    drawn = {name: points for name, points in small.items() if points}
    if not drawn:
        return
    for column, (name, points) in zip(st.columns(len(drawn)), drawn.items(), strict=True):
        size = 10**9 if name == "memory_bytes" else 1
        rows = [{"step": metric.step, "value": value / size} for metric, value in points]
        with column:
            chart = _lines(rows, texts.training[f"curve_{name}"], texts, height=220)
            st.altair_chart(chart, width="stretch", key=f"training_curve_{name}")


def thinned(metrics: Sequence[Metric], name: str) -> list[tuple[Metric, float]]:
    """Every so many-th report in which it was measured, and always the last."""
    measured = [(metric, value) for metric in metrics if (value := getattr(metric, name)) is not None]
    every = max(1, -(-len(measured) // _MOST_POINTS))
    return measured[::-1][::every][::-1]


def _lines(rows: list[dict[str, Any]], title: str, texts: Texts, height: int) -> alt.Chart:
    import altair as alt  # half a second that the first page does not have to wait for
    import pandas as pd

    chart = alt.Chart(pd.DataFrame(rows), title=title).mark_line(point=len(rows) < 40)
    encodings: dict[str, Any] = {
        "x": alt.X("step:Q", title=texts.training["step"], axis=alt.Axis(format="d", tickMinStep=1)),
        "y": alt.Y(
            "value:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(format="~r", tickCount=4)
        ),
        "tooltip": ["step", alt.Tooltip("value:Q", format=".4~r")],
    }
    if "of" in rows[0]:
        encodings["color"] = alt.Color("of:N", title=None, sort=None, legend=alt.Legend(orient="top"))
    return chart.encode(**encodings).properties(height=height)
