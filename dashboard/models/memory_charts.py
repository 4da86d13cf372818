"""One device's memory in charts: each model, the caches and what is free now, and how full it was over time.

The colors can be read on light and on dark.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from itertools import accumulate
from typing import Literal

import altair as alt
import pandas as pd
import streamlit as st

from dashboard.shared.formatting import BYTES_AXIS, zone
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from engines.memory import Event, PoolView
from settings import format_bytes

_CACHE, _MOVING, _FREE, _LINE = "#8497a6", "#a58a5c", "rgba(128, 128, 128, 0.22)", "#8a8a8a"
_BAR_HEIGHT, _LEGEND_LINE = 92, 18
_MOST = 10


@dataclass(frozen=True)
class MemorySegment:
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
            used=format_bytes(view.there),
            budget=format_bytes(view.budget),
            most=format_bytes(view.most_used),
            device=format_bytes(view.free_on_device),
        )
    )
    if view.host_used:
        sizes = {"used": format_bytes(view.host_used), "budget": format_bytes(view.host_budget)}
        st.caption(texts.memory["host_figures"].format(**sizes))
    if view.free_on_device < view.budget - view.used:
        st.caption(texts.memory["device_is_fuller"])


def segments(view: PoolView, titles: Mapping[str, str], texts: Texts) -> list[MemorySegment]:
    """Together they are the budget; where the books hold more than is resident, something is on its way."""
    pieces: list[tuple[str, int, str | None]] = [
        (
            texts.memory["named"].format(
                title=titles.get(each.model_id, each.model_id),
                quantization=texts.memory[f"quantization_{each.quantization}"],
            ),
            each.weight_bytes + each.step_bytes,
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
        MemorySegment(label, end - size, end, format_bytes(size), color, view.device)
        for (label, size, color), end in zip(pieces, ends, strict=True)
        if size > 0
    ]


def _chart(pieces: list[MemorySegment], view: PoolView, texts: Texts) -> alt.LayerChart:
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
    pieces: list[MemorySegment], colors: alt.Scale, legend: Literal["top", "bottom"], whole: int, texts: Texts
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


def memory_history(view: PoolView, titles: Mapping[str, str], texts: Texts) -> None:
    if not view.events:
        return
    st.markdown(f"**{texts.memory['history_title']}**")
    st.altair_chart(_history_chart(over_time(view, titles, texts), texts), width="stretch")
    here = zone()
    st.markdown(
        "\n".join(f"- {in_words(each, titles, texts, here)}" for each in reversed(view.events[-_MOST:]))
    )


def over_time(view: PoolView, titles: Mapping[str, str], texts: Texts) -> list[dict[str, object]]:
    """A point an event, and one for now."""
    points: list[dict[str, object]] = [
        {
            "at": int(each.at * 1000),
            "used": each.used,
            "size": format_bytes(each.used),
            "what": f"{titles.get(each.model_id, each.model_id)}: {texts.memory[f'short_{each.what}']}",
        }
        for each in view.events
    ]
    now = {"used": view.there, "size": format_bytes(view.there), "what": texts.memory["now"]}
    return [*points, {"at": int(time.time() * 1000), **now}]


def in_words(event: Event, titles: Mapping[str, str], texts: Texts, zone: tzinfo | None) -> str:
    """One line of markdown."""
    return texts.memory[f"event_{event.what}"].format(
        time=f"{datetime.fromtimestamp(event.at, zone):%H:%M:%S}",
        title=safe_text(titles.get(event.model_id, event.model_id)),
        quantization=texts.memory[f"quantization_{event.quantization}"],
        size=format_bytes(event.bytes),
        seconds=event.seconds,
        used=format_bytes(event.used),
    )


def _history_chart(points: list[dict[str, object]], texts: Texts) -> alt.Chart:
    return (
        alt.Chart(pd.DataFrame(points))
        .mark_area(interpolate="step-after", line=True, opacity=0.25)
        .encode(
            x=alt.X("at:T", title=None, axis=alt.Axis(format="%H:%M:%S", tickCount=6)),
            y=alt.Y(
                "used:Q",
                title=None,
                scale=alt.Scale(zero=True),
                axis=alt.Axis(labelExpr=BYTES_AXIS, tickCount=4),
            ),
            tooltip=[
                alt.Tooltip("at:T", title=texts.memory["when"], format="%H:%M:%S"),
                alt.Tooltip("what:N", title=texts.memory["what"]),
                alt.Tooltip("size:N", title=texts.memory["used"]),
            ],
        )
        .properties(height=150)
    )
