"""Whether a reward rises while what it should stand for falls: reward hacking, said in a sentence and drawn.

The rewards alone cannot tell: a model that pleases its reward and forgets its answers has a splendid curve.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from dashboard.training.curves import CurveLook, lines, reward_names, reward_title
from finetune.jobs import Metric

_LEAST = 0.1
"""A fall of less is noise: of eight questions one is more."""
_ERRORS = 3.0
"""How many standard errors a part has to fall, and the reward to rise."""


@dataclass(frozen=True)
class Drift:
    """One figure that fell from its best while the reward rose."""

    reward: str
    fallen: str
    best_step: int
    last_step: int
    best: float
    last: float
    reward_then: float
    reward_now: float


def training_hacking(metrics: Sequence[Metric], texts: Texts) -> None:
    """Nothing before the held-out questions were answered twice, unless a part fell."""
    found = drift(metrics)
    pair = (found.reward, found.fallen) if found else ("held_out_reward", "held_out_exact")
    if found is None and len(list(_together(metrics, *pair))) < 2:
        return
    st.markdown(f"**{texts.kinds['hacking']}**")
    if found is None:
        st.caption(texts.kinds["hacking_none"])
    else:
        st.warning(_sentence(found, texts), icon=":material/trending_down:")
    rows = [
        {"x": step, "step": step, "value": value, "of": reward_title(name, texts)}
        for name, at in zip(pair, (0, 1), strict=True)
        for step, *values in _together(metrics, *pair)
        for value in [values[at]]
    ]
    title = texts.kinds["hacking_chart" if found else "hacking_chart_none"]
    chart = lines(rows, title, CurveLook(), texts, height=260)
    st.altair_chart(chart, width="stretch", key="training_curve_hacking")


def drift(metrics: Sequence[Metric]) -> Drift | None:
    """What fell: exact answers to held-out questions first, then the parts of the reward."""
    found = _drift(metrics, "held_out_reward", "held_out_exact")
    if found is not None:
        return found
    parts = [name for name in reward_names(metrics) if name.startswith("reward_")]
    drifts = (_drift(metrics, "reward", name) for name in parts)
    return next((each for each in drifts if each is not None), None)


def _drift(metrics: Sequence[Metric], reward: str, other: str) -> Drift | None:
    seen = list(_together(metrics, reward, other))
    if len(seen) < 2:
        return None
    best_step, reward_then, best = max(seen, key=lambda each: each[2])
    last_step, reward_now, last = seen[-1]
    least = max(_LEAST, _ERRORS * _error(metrics, other))
    if best - last < least or reward_now - reward_then <= _ERRORS * _error(metrics, reward):
        return None
    return Drift(reward, other, best_step, last_step, best, last, reward_then, reward_now)


def _together(metrics: Sequence[Metric], *names: str) -> Iterator[tuple[int, float, float]]:
    """The steps in which both were measured."""
    for metric in metrics:
        first, second = (metric.told(name) for name in names)
        if first is not None and second is not None:
            yield metric.step, first, second


def _error(metrics: Sequence[Metric], name: str) -> float:
    """The largest standard error that was told of it; 0 where none was."""
    return max((each.figures.get(f"{name}_se", 0.0) for each in metrics), default=0.0)


def _sentence(found: Drift, texts: Texts) -> str:
    return texts.kinds["hacking_found"].format(
        fallen=safe_text(reward_title(found.fallen, texts)),
        best=f"{found.best:.2f}",
        last=f"{found.last:.2f}",
        best_step=f"{found.best_step:,}",
        last_step=f"{found.last_step:,}",
        reward_then=f"{found.reward_then:.2f}",
        reward_now=f"{found.reward_now:.2f}",
    )
