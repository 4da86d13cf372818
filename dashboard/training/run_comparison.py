"""Several trainings over each other: their main figures, every curve, and the settings that differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.session import training
from dashboard.session.shared import start_with
from dashboard.shared.formatting import duration
from dashboard.shared.safe_text import whole_characters
from dashboard.texts import Texts
from dashboard.training.curves import CurveLook, TrainingCurve, compared_curves, smoothing_slider
from dashboard.training.progress import TrainingView
from dashboard.training.run_settings import differing_settings, method_of, used_settings
from dashboard.training.runs_table import change_told, figure_words
from dashboard.training.smoothing import AXES, positions
from finetune.jobs import RunSummary

_LOOK_AGAIN_SECONDS = 5.0


@dataclass(frozen=True)
class ComparedRun:
    view: TrainingView
    summary: RunSummary


def training_comparison(look: Callable[[], Sequence[ComparedRun]], texts: Texts) -> None:
    """Draws curves and figures again while one of them is at work."""
    runs = look()
    st.subheader(texts.runs["curves"], divider="gray")
    is_growing = any(not run.view.job.over for run in runs)

    @st.fragment(run_every=_LOOK_AGAIN_SECONDS if is_growing else None)
    def curves() -> None:
        now = look() if is_growing else runs
        _figures(now, texts)
        _curves([run.view for run in now], texts)

    curves()
    st.subheader(texts.runs["differing"], divider="gray")
    used = {run.view.job.name: used_settings(run.view.job, run.summary, texts) for run in runs}
    differing_settings(used, texts)


def _figures(runs: Sequence[ComparedRun], texts: Texts) -> None:
    words = texts.runs
    rows = [_row(run, texts) for run in runs]
    titles = (texts.training["name"], *(words[f"column_{name}"] for name in _SHOWN), texts.training["step"])
    table = dict(zip(titles, zip(*rows, strict=True), strict=True))
    st.dataframe(table, width="stretch", hide_index=True)


_SHOWN = ("state", "kind", "method", "figure", "before", "after", "change", "time")


def _row(run: ComparedRun, texts: Texts) -> tuple[str, ...]:
    job, summary, status = run.view.job, run.summary, run.view.status
    told = ("" if value is None else f"{value:z.3f}" for value in (summary.before, summary.after))
    return (
        job.name,
        texts.training[f"state_{job.state}"],
        whole_characters(texts.kinds.get(job.kind, job.kind)),
        whole_characters(method_of(job, texts)),
        figure_words(summary, texts),
        *told,
        change_told(summary, texts),
        "" if summary.seconds is None else duration(summary.seconds, texts),
        f"{status.step:,} / {status.total_steps:,}" if status.total_steps else f"{status.step:,}",
    )


def _curves(views: Sequence[TrainingView], texts: Texts) -> None:
    runs = [TrainingCurve(each.metrics, each.status.total_steps, each.job.name) for each in views]
    if not any(run.metrics for run in runs):
        st.info(texts.runs["no_curves"], icon=":material/show_chart:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        start_with(training.AXIS, AXES[0])
        axis = st.segmented_control(
            texts.runs["axis"],
            AXES,
            key=training.AXIS,
            persist_state="session",
            required=True,
            format_func=lambda each: texts.runs[f"by_{each}"],
            width="content",
        )
        smoothing = smoothing_slider(texts)
    seconds = [each or 0.0 for run in runs for each in positions(run.metrics, "time", 0)]
    names = tuple(run.name for run in runs)
    compared_curves(runs, CurveLook(smoothing, axis or AXES[0], max(seconds, default=0.0), names), texts)
