"""The curves of a training of any kind, from the figures that its steps told.

Knows: which figures are drawn together, and which are for those who look closer. A figure that no step told
has no curve. The curves stay small however long it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.shared.formatting import BYTES_AXIS
from dashboard.shared.safe_text import whole_characters
from dashboard.texts import Texts
from dashboard.training.rewards_form import named
from finetune.jobs import Metric
from settings import format_bytes

if TYPE_CHECKING:
    import altair as alt

_MOST_POINTS = 500
_COLUMNS = 3
_LEGEND = 50
"""What the names of several lines take of a chart's height."""
_SMALL: Mapping[str, tuple[str, ...]] = {
    "accuracy": ("accuracy", "held_out_accuracy"),
    "margin": ("margin", "held_out_margin"),
    "log_probs": ("chosen_log_prob", "rejected_log_prob"),
    "chosen_change": ("chosen_change",),
    "kl": ("kl",),
    "ended": ("ended", "held_out_ended"),
    "length": ("length",),
    "entropy": ("entropy",),
    "policy_loss": ("policy_loss",),
    "value_loss": ("value_loss",),
}
_CLOSER: Mapping[str, tuple[str, ...]] = {
    "clip_share": ("clip_share",),
    "explained_variance": ("explained_variance",),
    "equal_groups": ("equal_groups",),
    "approx_kl": ("approx_kl",),
    "kl_coefficient": ("kl_coefficient",),
}
_MACHINE: Mapping[str, tuple[str, ...]] = {
    name: (name,) for name in ("learning_rate", "tokens_per_second", "memory_bytes")
}
_LOSSES = {"losses": ("loss", "held_out_loss")}
_ERROR = "_se"
"""How the name of a figure's standard error ends."""


def training_curves(metrics: Sequence[Metric], texts: Texts) -> None:
    rewards = list(reward_names(metrics))
    if not rewards:
        _grid(metrics, _LOSSES, texts, columns=1, height=340)
        _grid(metrics, _SMALL, texts)
        _grid(metrics, _MACHINE, texts)
        return
    titles = {name: reward_title(name, texts) for name in rewards}
    chart = _chart(metrics, texts.kinds["curve_rewards"], titles, texts, height=330)
    if chart is not None:
        st.altair_chart(chart, width="stretch", key="training_curve_rewards")
        st.caption(texts.kinds["curve_rewards_about"])
    _grid(metrics, _SMALL, texts)
    with st.expander(texts.kinds["closer"], icon=":material/query_stats:", key="training_closer"):
        _grid(metrics, {**_LOSSES, **_CLOSER, **_MACHINE}, texts)


def reward_names(metrics: Iterable[Metric]) -> Iterator[str]:
    """The whole reward, then its parts, then that of the held-out questions; as they are first told."""
    told = dict.fromkeys(name for metric in metrics for name in metric.figures)
    for name in told:
        is_reward = name in ("reward", "held_out_reward") or name.startswith("reward_")
        if is_reward and not name.endswith(_ERROR):
            yield name


def reward_title(name: str, texts: Texts) -> str:
    """A part is called as it was picked; a stranger's run may give it any name."""
    whole = texts.kinds.get(f"curve_{name}")
    return whole or whole_characters(named(name.removeprefix("reward_"), texts))


def thinned(metrics: Sequence[Metric], name: str) -> list[tuple[Metric, float]]:
    """Every so many-th report in which it was measured, and always the last."""
    measured = [(metric, value) for metric in metrics if (value := figure(metric, name)) is not None]
    every = max(1, -(-len(measured) // _MOST_POINTS))
    return measured[::-1][::every][::-1]


def figure(metric: Metric, name: str) -> float | None:
    """What every kind of training tells, or one kind alone."""
    found = metric.figures.get(name)
    return found if found is not None else getattr(metric, name, None)


def last_of(metrics: Sequence[Metric], name: str) -> float | None:
    return next((value for metric in reversed(metrics) if (value := figure(metric, name)) is not None), None)


def _grid(
    metrics: Sequence[Metric],
    charts: Mapping[str, tuple[str, ...]],
    texts: Texts,
    columns: int = _COLUMNS,
    height: int = 220,
) -> None:
    drawn = []
    for key, names in charts.items():
        titles = {name: _title(name, texts) for name in names}
        chart = _chart(metrics, _title(key, texts), titles, texts, height)
        if chart is not None:
            drawn.append((key, chart))
    columns = min(columns, len(drawn))
    for start in range(0, len(drawn), columns or 1):
        row = drawn[start : start + columns]
        for column, (key, chart) in zip(st.columns(columns), row, strict=False):
            with column:
                st.altair_chart(chart, width="stretch", key=f"training_curve_{key}")


def _title(name: str, texts: Texts) -> str:
    key = f"curve_{name}"
    return texts.training.get(key) or texts.kinds[key]


def _chart(
    metrics: Sequence[Metric], title: str, names: Mapping[str, str], texts: Texts, height: int
) -> alt.LayerChart | None:
    """None where none of them was told."""
    rows = [
        {"step": metric.step, "value": value, "of": label, "written": format_bytes(value)}
        | _band(metric, name, value)
        for name, label in names.items()
        for metric, value in thinned(metrics, name)
    ]
    return lines(rows, title, texts, height, of_bytes="memory_bytes" in names) if rows else None


def _band(metric: Metric, name: str, value: float) -> dict[str, float]:
    error = metric.figures.get(f"{name}{_ERROR}")
    return {} if error is None else {"low": value - error, "high": value + error}


def lines(
    rows: list[dict[str, Any]], title: str, texts: Texts, height: int, of_bytes: bool = False
) -> alt.LayerChart:
    """Of each row `of` says to which line it belongs; `low` and `high` are the band around it. How full a
    memory is can be seen only from zero on."""
    import altair as alt  # half a second that the first page does not have to wait for
    import pandas as pd

    x = alt.X("step:Q", title=texts.training["step"], axis=alt.Axis(format="d", tickMinStep=1))
    scale = alt.Scale(zero=of_bytes)
    axis = alt.Axis(labelExpr=BYTES_AXIS, tickCount=4) if of_bytes else alt.Axis(format="~r", tickCount=4)
    value = alt.Tooltip("written:N", title="value") if of_bytes else alt.Tooltip("value:Q", format=".4~r")
    base = alt.Chart(pd.DataFrame(rows), title=title).encode(x=x)
    drawn = base.mark_line(point=len(rows) < 40).encode(
        y=alt.Y("value:Q", title=None, scale=scale, axis=axis),
        tooltip=["step", "of", value],
    )
    layers = [drawn]
    if any("low" in row for row in rows):
        low = alt.Y("low:Q", title=None, scale=scale)
        layers.insert(0, base.mark_area(opacity=0.15).encode(y=low, y2="high:Q"))
    if len({row["of"] for row in rows}) > 1:
        # Its symbols are as pale as the band of a line unless that is said.
        legend = alt.Legend(orient="top", labelLimit=220, columns=_COLUMNS, symbolOpacity=1)
        color = alt.Color("of:N", title=None, sort=None, legend=legend)
        layers, height = [each.encode(color=color) for each in layers], height + _LEGEND
    return alt.layer(*layers).properties(height=height)
