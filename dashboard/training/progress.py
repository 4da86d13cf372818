"""Where a training stands: its state, a bar, figures, curves, what it printed, and buttons to stop and go on.

It is drawn again every two seconds while the training is at work. The curves stay small however long it
runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.errors import led_by
from dashboard.session import training
from dashboard.shared.formatting import duration
from dashboard.shared.safe_text import safe_text, whole_characters
from dashboard.texts import Texts
from errors import AS_WRITTEN, Cause
from finetune.jobs import Job, Metric, TrainingState
from settings import format_bytes

if TYPE_CHECKING:
    import altair as alt

_LOOK_AGAIN_SECONDS = 2.0
_BADGES = {
    TrainingState.QUEUED: ":gray-badge[:material/schedule: {}]",
    TrainingState.PREPARING: ":blue-badge[:material/hourglass_top: {}]",
    TrainingState.MEASURING: ":blue-badge[:material/straighten: {}]",
    TrainingState.TRAINING: ":blue-badge[:material/model_training: {}]",
    TrainingState.SAVING: ":blue-badge[:material/save: {}]",
    TrainingState.DONE: ":green-badge[:material/check_circle: {}]",
    TrainingState.STOPPED: ":orange-badge[:material/stop_circle: {}]",
    TrainingState.FAILED: ":red-badge[:material/error: {}]",
    TrainingState.INTERRUPTED: ":orange-badge[:material/power_off: {}]",
}
_MOST_POINTS = 500
_SMALL = ("learning_rate", "tokens_per_second", "memory_bytes")


@dataclass(frozen=True)
class TrainingView:
    """One training as it is drawn."""

    job: Job
    metrics: Sequence[Metric]
    log: str


@dataclass(frozen=True)
class TrainingActions:
    """What the buttons of a training do."""

    stop: Callable[[], None]
    resume: Callable[[], None]


def training_progress(
    look: Callable[[], TrainingView | None], actions: TrainingActions, texts: Texts
) -> None:
    """Draws itself again while the training is at work, and the whole page once when it has ended."""
    seen = look()
    if seen is None:
        return
    if seen.job.over:
        draw(seen, actions, texts)
        return

    @st.fragment(run_every=_LOOK_AGAIN_SECONDS)
    def look_again() -> None:
        now = look()
        if now is None or now.job.over:
            st.rerun()
        else:
            draw(now, actions, texts)

    look_again()


def state_badge(state: TrainingState, texts: Texts) -> str:
    return _BADGES[state].format(texts.training[f"state_{state}"])


def draw(seen: TrainingView, actions: TrainingActions, texts: Texts) -> None:
    job, status = seen.job, seen.job.status
    share = status.step / status.total_steps if status.total_steps else 0.0
    if status.total_steps:
        figures = texts.training["step_of"].format(
            step=status.step, total=status.total_steps, epoch=f"{status.epoch:.2f}"
        )
        st.progress(min(1.0, share), text=figures)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(" ".join([state_badge(job.state, texts), *_figures(seen, texts)]), width="content")
        _buttons(job, actions, texts)
    _sentence(job, texts)
    if seen.metrics:
        training_curves(seen.metrics, texts)
    if seen.log:
        is_telling = job.state in (TrainingState.FAILED, TrainingState.INTERRUPTED)
        with st.expander(
            texts.training["log"], icon=":material/terminal:", key=training.LOG, expanded=is_telling
        ):
            st.code(whole_characters(seen.log), language=None, wrap_lines=True)


def _figures(seen: TrainingView, texts: Texts) -> list[str]:
    last = {
        name: next(
            (value for metric in reversed(seen.metrics) if (value := getattr(metric, name)) is not None), None
        )
        for name in ("loss", "held_out_loss", "tokens_per_second", "memory_bytes")
    }
    shown = []
    if last["loss"] is not None:
        shown.append(texts.training["figure_loss"].format(value=f"{last['loss']:.3f}"))
    if last["held_out_loss"] is not None:
        shown.append(texts.training["figure_held_out"].format(value=f"{last['held_out_loss']:.3f}"))
    if last["tokens_per_second"]:
        shown.append(texts.training["figure_speed"].format(value=f"{last['tokens_per_second']:,.0f}"))
    if last["memory_bytes"]:
        shown.append(safe_text(format_bytes(last["memory_bytes"])))
    left = seen.job.status.seconds_left
    if left is not None and not seen.job.over:
        shown.append(texts.training["left"].format(time=duration(left, texts)))
    return [f":gray-badge[{each}]" for each in shown]


def _buttons(job: Job, actions: TrainingActions, texts: Texts) -> None:
    if not job.over:
        asked = training.stopping(job.name)
        st.button(
            texts.training["stopping" if asked else "stop"],
            key=training.STOP,
            icon=":material/stop_circle:",
            disabled=asked,
            help=texts.training["stop_help"],
            on_click=actions.stop,
        )
    elif job.can_resume:
        st.button(
            texts.training["resume"],
            key=training.RESUME,
            icon=":material/play_arrow:",
            help=texts.training["resume_help"],
            on_click=actions.resume,
        )


def _sentence(job: Job, texts: Texts) -> None:
    """What the state means for the person who looks at it."""
    if job.state is TrainingState.QUEUED:
        before = ", ".join(f"**{safe_text(name)}**" for name in job.ahead)
        st.info(texts.training["waits_for" if before else "begins_soon"].format(names=before))
    elif job.state is TrainingState.FAILED:
        code = job.status.error_code or "error"
        lead = texts.training.get(f"failed_{code}", texts.training["failed_error"])
        cause = job.status.cause or Cause(AS_WRITTEN, sentence="")
        st.warning(led_by(lead, cause, texts), icon=":material/error:")
    elif job.state in (TrainingState.STOPPED, TrainingState.INTERRUPTED):
        st.info(texts.training[f"told_{job.state}"], icon=":material/info:")
    elif not job.over:
        st.caption(texts.training["may_leave"])


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
