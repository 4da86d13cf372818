"""How dates, durations, sizes and long texts are written in a line, where and as the reader reads them."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts

BYTES_AXIS = (
    "datum.value >= 1e9 ? format(datum.value / 1e9, '.3~g') + ' GB' : "
    "datum.value >= 1e6 ? format(datum.value / 1e6, '.3~g') + ' MB' : "
    "datum.value >= 1e3 ? format(datum.value / 1e3, '.3~g') + ' KB' : datum.value + ' B'"
)
"""How a chart labels an axis of bytes: in the units of `format_bytes`, which a browser cannot call."""


def zone() -> tzinfo:
    """Where the reader is; the server's clock says nothing about that."""
    try:
        return ZoneInfo(st.context.timezone or "Asia/Seoul")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def when(moment: datetime, zone: tzinfo, texts: Texts) -> str:
    return safe_text(moment.astimezone(zone).strftime(texts.history["time"]))


def duration(seconds: float, texts: Texts) -> str:
    """In the largest unit that leaves a figure a person can take in."""
    if round(seconds) < 60:
        return texts.batch["seconds"].format(count=max(1, round(seconds)))
    minutes = round(seconds / 60)
    if minutes < 60:
        return texts.batch["minutes"].format(count=minutes)
    return texts.batch["hours"].format(hours=minutes // 60, minutes=minutes % 60)


def shortened(text: str, longest: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
