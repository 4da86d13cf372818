"""One device's memory as a bar: each model, the caches, what is coming or going, and what is free.

Knows: how the bytes of a pool are stacked, and colors that can be read on light and on dark.
Refuses to know: who may change any of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Literal

import altair as alt
import pandas as pd
import streamlit as st

from dashboard.texts import Texts
from engines.memory import PoolView
from settings import format_bytes

_CACHE, _MOVING, _FREE, _LINE = "#8497a6", "#a58a5c", "rgba(128, 128, 128, 0.22)", "#8a8a8a"
_BAR_HEIGHT, _LEGEND_LINE = 92, 18
BYTES_AXIS = (
    "datum.value >= 1e9 ? format(datum.value / 1e9, '.3~g') + ' GB' : "
    "datum.value >= 1e6 ? format(datum.value / 1e6, '.3~g') + ' MB' : "
    "datum.value >= 1e3 ? format(datum.value / 1e3, '.3~g') + ' KB' : datum.value + ' B'"
)


@dataclass(frozen=True)
class Segment:
    """One piece of the bar."""

    label: str
    begin: int
    end: int
    size: str
    color: str | None
    """None: a model's, from the theme."""
    device: str


def memory_bar(view: PoolView, titles: Mapping[str, str], texts: Texts) -> None:
    pieces = segments(view, titles, texts)
    if pieces:
        st.altair_chart(_chart(pieces, view, texts), width="stretch")
    st.caption(
        texts.memory["figures"].format(
            used=format_bytes(view.used),
            budget=format_bytes(view.budget),
            most=format_bytes(view.most_used),
            device=format_bytes(view.free_on_device),
        )
    )
    if view.free_on_device < view.budget - view.used:
        st.caption(texts.memory["device_is_fuller"])


def segments(view: PoolView, titles: Mapping[str, str], texts: Texts) -> list[Segment]:
    """Together they are the budget; where the books hold more than is resident, something is on its way."""
    pieces: list[tuple[str, int, str | None]] = [
        (
            texts.memory["named"].format(
                title=titles.get(each.model_id, each.model_id),
                quantization=texts.memory[f"quantization_{each.quantization}"],
            ),
            each.weight_bytes,
            None,
        )
        for each in view.residents
    ]
    cache = sum(each.cache_bytes for each in view.residents)
    moving = view.used - cache - sum(size for _, size, _ in pieces)
    pieces += [
        (texts.memory["cache"], cache, _CACHE),
        (texts.memory["moving"], moving, _MOVING),
        (texts.memory["free"], view.budget - view.used, _FREE),
    ]
    ends = accumulate(size for _, size, _ in pieces)
    return [
        Segment(label, end - size, end, format_bytes(size), color, view.device)
        for (label, size, color), end in zip(pieces, ends, strict=True)
        if size > 0
    ]


def _chart(pieces: list[Segment], view: PoolView, texts: Texts) -> alt.LayerChart:
    models = [piece for piece in pieces if piece.color is None]
    others = [piece for piece in pieces if piece.color is not None]
    grays = alt.Scale(domain=[piece.label for piece in others], range=[piece.color for piece in others])
    budget = {"end": view.budget, "size": format_bytes(view.budget)}
    line = (
        alt.Chart(pd.DataFrame([budget]))
        .mark_rule(color=_LINE, strokeWidth=3)
        .encode(
            x="end:Q",
            y=alt.value(0),
            y2=alt.value("height"),
            tooltip=[alt.Tooltip("size:N", title=texts.memory["budget"])],
        )
    )
    whole = max(view.budget, view.used)
    of_models = _bars(models, alt.Scale(domain=[piece.label for piece in models]), "bottom", whole, texts)
    bars = [(models, of_models), (others, _bars(others, grays, "top", whole, texts))]
    layers = [*(layer for drawn, layer in bars if drawn), line]  # one of no pieces has no extent
    height = _BAR_HEIGHT + _LEGEND_LINE * len(pieces)
    return alt.layer(*layers).resolve_scale(color="independent").properties(height=height)


def _bars(
    pieces: list[Segment], colors: alt.Scale, legend: Literal["top", "bottom"], whole: int, texts: Texts
) -> alt.Chart:
    """Two legends side by side would be cut off in a narrow window."""
    return (
        alt.Chart(pd.DataFrame([asdict(piece) for piece in pieces]))
        .mark_bar(height=30)
        .encode(
            x=alt.X(
                "begin:Q",
                title=None,
                scale=alt.Scale(domain=[0, whole * 1.03], nice=False),
                axis=alt.Axis(labelExpr=BYTES_AXIS, tickCount=6),
            ),
            x2="end:Q",
            y=alt.Y("device:N", title=None),
            color=alt.Color(
                "label:N",
                title=None,
                scale=colors,
                legend=alt.Legend(orient=legend, columns=1, labelLimit=320),
            ),
            tooltip=[
                alt.Tooltip("label:N", title=texts.memory["what"]),
                alt.Tooltip("size:N", title=texts.memory["size"]),
            ],
        )
    )
