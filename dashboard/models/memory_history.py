"""What happened in memory: how full it was over time, and the last events in words.

Knows: how the events of a pool are drawn and said.
Refuses to know: what comes next.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import altair as alt
import pandas as pd
import streamlit as st

from dashboard.models.memory_bar import BYTES_AXIS
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from engines.memory import Event, PoolView
from settings import format_bytes

_MOST = 10


def memory_history(view: PoolView, titles: Mapping[str, str], texts: Texts) -> None:
    if not view.events:
        return
    st.markdown(f"**{texts.memory['history_title']}**")
    st.altair_chart(_chart(over_time(view, titles, texts), texts), width="stretch")
    zone = _zone(st.context.timezone)
    st.markdown(
        "\n".join(f"- {in_words(each, titles, texts, zone)}" for each in reversed(view.events[-_MOST:]))
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
    now = {"used": view.used, "size": format_bytes(view.used), "what": texts.memory["now"]}
    return [*points, {"at": int(time.time() * 1000), **now}]


def in_words(event: Event, titles: Mapping[str, str], texts: Texts, zone: ZoneInfo | None) -> str:
    """One line of markdown."""
    return texts.memory[f"event_{event.what}"].format(
        time=f"{datetime.fromtimestamp(event.at, zone):%H:%M:%S}",
        title=safe_text(titles.get(event.model_id, event.model_id)),
        quantization=texts.memory[f"quantization_{event.quantization}"],
        size=format_bytes(event.bytes),
        seconds=event.seconds,
        used=format_bytes(event.used),
    )


def _chart(points: list[dict[str, object]], texts: Texts) -> alt.Chart:
    return (
        alt.Chart(pd.DataFrame(points))
        .mark_area(interpolate="step-after", line=True, opacity=0.25)
        .encode(
            x=alt.X("at:T", title=None, axis=alt.Axis(format="%H:%M:%S", tickCount=6)),
            y=alt.Y("used:Q", title=None, axis=alt.Axis(labelExpr=BYTES_AXIS, tickCount=4)),
            tooltip=[
                alt.Tooltip("at:T", title=texts.memory["when"], format="%H:%M:%S"),
                alt.Tooltip("what:N", title=texts.memory["what"]),
                alt.Tooltip("size:N", title=texts.memory["used"]),
            ],
        )
        .properties(height=150)
    )


def _zone(name: str | None) -> ZoneInfo | None:
    """The reader's own; None: the server's."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None
