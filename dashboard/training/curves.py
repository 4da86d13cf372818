"""The curves of trainings of any kind, from the figures of their steps: of one or of several.

A figure that no step told has no curve. The curves stay small however long a training runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.session import training
from dashboard.session.shared import start_with
from dashboard.shared.formatting import BYTES_AXIS
from dashboard.shared.safe_text import whole_characters
from dashboard.texts import Texts
from dashboard.training.rewards_form import named
from dashboard.training.smoothing import CurveAxis, curve, positions
from finetune.jobs import Metric
from settings import format_bytes

if TYPE_CHECKING:
    import altair as alt

_MOST_POINTS = 500
_COLUMNS = 3
_LEGEND_COLUMNS = 2
"""Three names side by side are cut off on a phone."""
_LEGEND, _LEGEND_ROW = 50, 24
"""What the names of several lines take of a chart's height, and what each further row of them."""
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
_FEW_NAMES, _LEGEND_WIDTH = 4, 320
"""So many trainings are named below each other; on a phone's width."""
_FEW_STEPS = 3
"""Of fewer there is nothing to smooth."""
_TIME_UNITS = (("axis_seconds", 1.0), ("axis_minutes", 60.0), ("axis_hours", 3600.0))
_LONGEST = 180
"""So many of a unit of time are still read easily."""


@dataclass(frozen=True)
class CurveLook:
    """How curves are drawn that a person looks at."""

    smoothing: float = 0.0
    axis: CurveAxis = "step"
    seconds: float = 0.0
    """The longest time on the axis, which decides its unit."""
    names: tuple[str, ...] = ()
    """The trainings that are drawn over each other, in one color each throughout; none: a single one."""

    @property
    def unit(self) -> tuple[str, float]:
        """The words under the axis, and what a figure on it is divided by."""
        if self.axis != "time":
            return f"axis_{self.axis}", 1
        return next((unit for unit in _TIME_UNITS if self.seconds < _LONGEST * unit[1]), _TIME_UNITS[-1])


@dataclass(frozen=True)
class TrainingCurve:
    """What one training told."""

    metrics: Sequence[Metric]
    steps: int = 0
    """As many as it makes in all."""
    name: str = ""


def smoothing_slider(texts: Texts) -> float:
    start_with(training.SMOOTHING, 0.0)
    return float(
        st.slider(
            texts.runs["smoothing"],
            0.0,
            0.99,
            key=training.SMOOTHING,
            persist_state="session",
            step=0.01,
            help=texts.runs["smoothing_help"],
            width=320,
        )
    )


def training_curves(metrics: Sequence[Metric], texts: Texts) -> None:
    """Of one training."""
    look = CurveLook(smoothing_slider(texts)) if len(metrics) > _FEW_STEPS else CurveLook()
    here = [TrainingCurve(metrics)]
    rewards = list(reward_names(metrics))
    if not rewards:
        _grid(here, _LOSSES, look, texts, columns=1, height=340)
        _grid(here, _SMALL, look, texts)
        _grid(here, _MACHINE, look, texts)
        return
    titles = {name: reward_title(name, texts) for name in rewards}
    chart = _chart(here, texts.kinds["curve_rewards"], titles, look, texts, height=330)
    if chart is not None:
        st.altair_chart(chart, width="stretch", key="training_curve_rewards")
        st.caption(texts.kinds["curve_rewards_about"])
    _grid(here, _SMALL, look, texts)
    with st.expander(texts.kinds["closer"], icon=":material/query_stats:", key="training_closer"):
        _grid(here, {**_LOSSES, **_CLOSER, **_MACHINE}, look, texts)


def compared_curves(runs: Sequence[TrainingCurve], look: CurveLook, texts: Texts) -> None:
    """Of several trainings, each figure in a chart of its own."""
    rewards = dict.fromkeys(name for run in runs for name in reward_names(run.metrics))
    first = [*_LOSSES["losses"], *rewards, *(name for names in _SMALL.values() for name in names)]
    _compared(runs, first, look, texts)
    with st.expander(texts.kinds["closer"], icon=":material/query_stats:", key="training_closer"):
        _compared(runs, [*_CLOSER, *_MACHINE], look, texts)


def _compared(runs: Sequence[TrainingCurve], names: Sequence[str], look: CurveLook, texts: Texts) -> None:
    charts = []
    for name in names:
        title = texts.runs.get(f"curve_{name}") or _title(name, texts)
        chart = _chart(runs, title, {name: title}, look, texts, height=250)
        charts += [] if chart is None else [(name, chart)]
    _in_columns(charts, 2)


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


def last_of(metrics: Sequence[Metric], name: str) -> float | None:
    return next((value for metric in reversed(metrics) if (value := metric.told(name)) is not None), None)


def _grid(
    runs: Sequence[TrainingCurve],
    charts: Mapping[str, tuple[str, ...]],
    look: CurveLook,
    texts: Texts,
    columns: int = _COLUMNS,
    height: int = 220,
) -> None:
    drawn = []
    for key, names in charts.items():
        titles = {name: _title(name, texts) for name in names}
        chart = _chart(runs, _title(key, texts), titles, look, texts, height)
        if chart is not None:
            drawn.append((key, chart))
    _in_columns(drawn, columns)


def _in_columns(charts: Sequence[tuple[str, alt.LayerChart]], columns: int) -> None:
    columns = min(columns, len(charts))
    for start in range(0, len(charts), columns or 1):
        row = charts[start : start + columns]
        for column, (key, chart) in zip(st.columns(columns), row, strict=False):
            with column:
                st.altair_chart(chart, width="stretch", key=f"training_curve_{key}")


def _title(name: str, texts: Texts) -> str:
    key = f"curve_{name}"
    return texts.training.get(key) or texts.kinds.get(key) or reward_title(name, texts)


def _chart(
    runs: Sequence[TrainingCurve],
    title: str,
    names: Mapping[str, str],
    look: CurveLook,
    texts: Texts,
    height: int,
) -> alt.LayerChart | None:
    """None where none of them was told."""
    rows = [
        row
        for run in runs
        for name, label in names.items()
        for row in _rows(run, name, run.name or label, look)
    ]
    return lines(rows, title, look, texts, height, of_bytes="memory_bytes" in names) if rows else None


def _rows(run: TrainingCurve, name: str, label: str, look: CurveLook) -> Iterator[dict[str, Any]]:
    _, unit = look.unit
    xs = positions(run.metrics, look.axis, run.steps)
    most = _MOST_POINTS // (2 if look.names else 1)
    for point in curve(run.metrics, name, xs, look.smoothing, most):
        row = {"x": point.x / unit, "step": point.step, "value": point.value, "of": label}
        if name == "memory_bytes":
            row["written"] = format_bytes(point.value)
        if look.smoothing:
            row["raw"] = point.raw
        elif point.error is not None:
            row |= {"low": point.value - point.error, "high": point.value + point.error}
        yield row


def lines(
    rows: list[dict[str, Any]],
    title: str,
    look: CurveLook,
    texts: Texts,
    height: int,
    of_bytes: bool = False,
) -> alt.LayerChart:
    """Of each row `of` says to which line it belongs; `low` and `high` are the band around it, and `raw` is
    what was smoothed to `value`. How full a memory is can be seen only from zero on."""
    import altair as alt  # half a second that the first page does not have to wait for
    import pandas as pd

    is_step = look.axis == "step"
    axis = alt.Axis(format="d", tickMinStep=1) if is_step else alt.Axis(format="~r")
    x = alt.X("x:Q", title=texts.runs[look.unit[0]], axis=axis)
    scale = alt.Scale(zero=of_bytes)
    axis = alt.Axis(labelExpr=BYTES_AXIS, tickCount=4) if of_bytes else alt.Axis(format="~r", tickCount=4)
    base = alt.Chart(pd.DataFrame(rows), title=title).encode(x=x)
    y = alt.Y("value:Q", title=None, scale=scale, axis=axis)
    layers = [base.mark_line(point=len(rows) < 40).encode(y=y, tooltip=_tooltip(rows, look, texts))]
    if any("raw" in row for row in rows):
        layers.insert(0, base.mark_line(opacity=0.3, strokeWidth=1).encode(y=alt.Y("raw:Q", scale=scale)))
    if any("low" in row for row in rows):
        low = alt.Y("low:Q", title=None, scale=scale)
        layers.insert(0, base.mark_area(opacity=0.15).encode(y=low, y2="high:Q"))
    told = {row["of"] for row in rows}
    if look.names or len(told) > 1:
        color, extra = _legend(look, len(told))
        layers, height = [each.encode(color=color) for each in layers], height + extra
    return alt.layer(*layers).properties(height=height)


def _legend(look: CurveLook, lines: int) -> tuple[alt.Color, int]:
    """The colors with their names, and the height that these take."""
    import altair as alt

    # Its symbols are as pale as the band of a line unless that is said.
    if not look.names:
        legend = alt.Legend(orient="top", labelLimit=220, columns=_LEGEND_COLUMNS, symbolOpacity=1)
        extra = _LEGEND + _LEGEND_ROW * (-(-lines // _LEGEND_COLUMNS) - 1)
        return alt.Color("of:N", title=None, sort=None, legend=legend), extra
    columns = 1 if len(look.names) <= _FEW_NAMES else 2
    limit, rows = _LEGEND_WIDTH // columns, -(-len(look.names) // columns)
    legend = alt.Legend(orient="bottom", labelLimit=limit, columns=columns, symbolOpacity=1)
    color = alt.Color("of:N", title=None, scale=alt.Scale(domain=look.names), legend=legend)
    return color, _LEGEND + _LEGEND_ROW * (rows - 1)


def _tooltip(rows: Sequence[Mapping[str, Any]], look: CurveLook, texts: Texts) -> list[alt.Tooltip]:
    import altair as alt

    of = texts.training["name" if look.names else "measured"]
    shown = [alt.Tooltip("of:N", title=of), alt.Tooltip("step:Q", title=texts.training["step"])]
    title = texts.kinds["value"]
    if "written" in rows[0]:
        return [*shown, alt.Tooltip("written:N", title=title)]
    shown.append(alt.Tooltip("value:Q", title=title, format=".4~r"))
    if look.smoothing:
        shown.append(alt.Tooltip("raw:Q", title=texts.runs["raw"], format=".4~r"))
    return shown
