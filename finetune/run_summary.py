"""What a training came to, in the few figures that a list of trainings has room for.

It reads what stands in a run's folder, whatever is missing of it or spoiled: the report of a finished run,
and of another one the figures that its steps told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from statistics import median
from typing import Any

from finetune.job_state import Job
from finetune.run_folder import RunFolder, TrainingState
from finetune.run_reports import Metric

_MAIN: Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "sft": ("held_out_loss", ("held_out", "before", "loss"), ("held_out", "after", "loss")),
    "reward": ("held_out_accuracy", ("held_out_before", "accuracy"), ("held_out", "accuracy")),
    "dpo": ("held_out_margin", ("held_out", "reward_before"), ("held_out", "reward_after")),
    "kto": ("held_out_margin", ("held_out", "reward_before"), ("held_out", "reward_after")),
}
_BY_REWARDS = ("held_out_reward", ("held_out", "reward_before"), ("held_out", "reward_after"))
"""The main figure of a kind as its steps tell it, and where its report has it before and after."""
_PAUSE_SECONDS, _PAUSE_STEPS = 60.0, 20.0
"""Between two steps a training was stopped where this much time passed, and so many times the usual."""
_FILES = ("report.json", "metrics.jsonl", "manifest.json", "status.json")


@dataclass(frozen=True)
class RunSummary:
    """None where nothing was measured."""

    figure: str
    """The name of its kind's main figure."""
    before: float | None = None
    after: float | None = None
    seconds: float | None = None
    """How long it was at work."""
    decided: Mapping[str, float] = field(default_factory=dict)
    """The values that were decided for settings nobody had said."""


def summary(job: Job, run: RunFolder) -> RunSummary:
    status = job.status
    is_begun = job.state is not TrainingState.QUEUED
    begun, ended = (_moment(status.started), _moment(status.updated)) if is_begun else (None, None)
    whole = max(0.0, ended - begun) if begun is not None and ended is not None else None
    return _summary(run, job.kind, whole, tuple(map(run.stamp, _FILES)))


def elapsed(metrics: Sequence[Metric]) -> list[float | None]:
    """Seconds at work from the first step told to each, without the time between a stop and its resuming."""
    moments = [_moment(metric.at) for metric in metrics]
    there = [moment for moment in moments if moment is not None]
    gaps = [max(0.0, later - sooner) for sooner, later in zip(there, there[1:], strict=False)]
    usual = median(gaps) if gaps else 0.0
    made = iter([0.0, *(usual if gap > max(_PAUSE_SECONDS, _PAUSE_STEPS * usual) else gap for gap in gaps)])
    seconds, found = 0.0, []
    for moment in moments:
        seconds += next(made) if moment is not None else 0.0
        found.append(seconds if moment is not None else None)
    return found


@lru_cache(maxsize=1024)
def _summary(run: RunFolder, kind: str, whole: float | None, stamps: tuple[object, ...]) -> RunSummary:
    """`whole`: the seconds of its last process. `stamps` are part of the key: what has changed since is read
    again."""
    figure, before, after = _MAIN.get(kind, _BY_REWARDS)
    report, metrics = run.read("report.json"), run.metrics()
    told = (each.told(figure) for each in reversed(metrics))
    newest = _at(report, *after) if report else next((each for each in told if each is not None), None)
    plan = (run.read("manifest.json") or {}).get("plan")
    decided = {name: value for name, value in (plan if isinstance(plan, dict) else {}).items()}
    return RunSummary(
        figure,
        _at(report, *before),
        newest,
        _longest(_at(report, "seconds"), whole, *elapsed(metrics)),
        {name: number for name, value in decided.items() if (number := _number(value)) is not None},
    )


def _longest(*seconds: float | None) -> float | None:
    """A process that went on with a run knows its own time alone; the steps tell of those before it."""
    return max((each for each in seconds if each is not None), default=None)


def _at(held: Any, *names: str) -> float | None:
    for name in names:
        held = held.get(name) if isinstance(held, dict) else None
    return _number(held)


def _number(value: Any) -> float | None:
    is_one = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_one else None


def _moment(at: str) -> float | None:
    try:
        return datetime.fromisoformat(at).timestamp()
    except (TypeError, ValueError):
        return None
