"""Where a training stands: its state, a bar, figures, curves, answers, what it printed, and its buttons.

It is drawn again every two seconds while the training is at work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.errors import led_by
from dashboard.session import training
from dashboard.shared.formatting import duration
from dashboard.shared.safe_text import safe_text, whole_characters
from dashboard.texts import Texts
from dashboard.training.curves import last_of, training_curves
from dashboard.training.reward_hacking import training_hacking
from dashboard.training.step_answers import training_answers
from errors import AS_WRITTEN, Cause
from finetune.jobs import Job, Metric, SampledAnswers, TrainingState, TrainingStatus
from settings import format_bytes

_LOOK_AGAIN_SECONDS = 2.0
_UNREACHABLE = "unreachable"
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
_FIGURES = {
    "loss": "{:.3f}",
    "held_out_loss": "{:.3f}",
    "reward": "{:.2f}",
    "kl": "{:.1f}",
    "ended": "{:.0%}",
    "accuracy": "{:.0%}",
    "held_out_accuracy": "{:.0%}",
    "margin": "{:.2f}",
    "tokens_per_second": "{:,.0f}",
}
"""Said beside the state, as they were last told; the reward with its standard error."""


@dataclass(frozen=True)
class TrainingView:
    """One training as it is drawn."""

    job: Job
    metrics: Sequence[Metric]
    log: str
    samples: Sequence[SampledAnswers] = ()

    @property
    def status(self) -> TrainingStatus:
        """Of the same moment as the curves, which may have been read a step later."""
        return self.job.status.reached(self.metrics[-1] if self.metrics else None)


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
    job, status = seen.job, seen.status
    if status.total_steps:
        figures = texts.training["step_of"].format(
            step=status.step, total=status.total_steps, epoch=f"{status.epoch:.2f}"
        )
        st.progress(min(1.0, status.step / status.total_steps), text=figures)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(" ".join([state_badge(job.state, texts), *_figures(seen, texts)]), width="content")
        _buttons(job, actions, texts)
    _sentence(job, texts)
    if seen.metrics:
        training_hacking(seen.metrics, texts)
        training_curves(seen.metrics, texts)
    training_answers(seen.samples, texts)
    if seen.log:
        is_telling = job.state in (TrainingState.FAILED, TrainingState.INTERRUPTED)
        with st.expander(
            texts.training["log"], icon=":material/terminal:", key=training.LOG, expanded=is_telling
        ):
            st.code(whole_characters(seen.log), language=None, wrap_lines=True)


def _figures(seen: TrainingView, texts: Texts) -> list[str]:
    shown = []
    rewarded = last_of(seen.metrics, "reward") is not None
    for name, written in _FIGURES.items():
        value = last_of(seen.metrics, name)
        if value is None or (rewarded and name == "loss"):
            continue
        told = written.format(value)
        error = last_of(seen.metrics, f"{name}_se") if name == "reward" else None
        told += "" if error is None else f" ± {error:.2f}"
        words = texts.training if f"figure_{name}" in texts.training else texts.kinds
        shown.append(words[f"figure_{name}"].format(value=told))
    memory = last_of(seen.metrics, "memory_bytes")
    if memory:
        shown.append(safe_text(format_bytes(int(memory))))
    left = seen.status.seconds_left
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
            texts.training["retry" if job.status.error_code == _UNREACHABLE else "resume"],
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
        if code == _UNREACHABLE and cause.code != AS_WRITTEN:
            lead = ""  # the sentence below says the same, and of what
        st.warning(led_by(lead, cause, texts), icon=":material/error:")
    elif job.state in (TrainingState.STOPPED, TrainingState.INTERRUPTED):
        st.info(texts.training[f"told_{job.state}"], icon=":material/info:")
    elif not job.over:
        st.caption(texts.training["may_leave"])
