"""Figures of many steps as curves: smoothed as Weights & Biases does, over steps, a share or time; thinned.

Pure functions; a curve is drawn of what they return elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from finetune.jobs import Metric, elapsed

CurveAxis = Literal["step", "share", "time"]
AXES: tuple[CurveAxis, ...] = ("step", "share", "time")


@dataclass(frozen=True)
class CurvePoint:
    x: float
    value: float
    raw: float
    """As it was told; the same as `value` where nothing is smoothed."""
    step: int
    error: float | None = None


def curve(
    metrics: Sequence[Metric], name: str, xs: Sequence[float | None], smoothing: float, most: int
) -> list[CurvePoint]:
    """Every so many-th report in which it was measured, and always the last. `xs`: one for each metric."""
    told = [
        (x, metric, value)
        for x, metric in zip(xs, metrics, strict=True)
        if x is not None and (value := metric.told(name)) is not None and isfinite(value)
    ]
    values = smoothed((value for *_, value in told), smoothing)
    points = [
        CurvePoint(x, value, raw, metric.step, metric.told(f"{name}_se"))
        for (x, metric, raw), value in zip(told, values, strict=True)
    ]
    every = max(1, -(-len(points) // most))
    return points[::-1][::every][::-1]


def smoothed(values: Iterable[float], weight: float) -> Iterator[float]:
    """The exponential mean of a value and those before it, without the pull towards the zero it begins with.

    A value counts `weight` times less with each one after it; 0 leaves all as they are."""
    mean, held = 0.0, 0.0
    for value in values:
        mean = weight * mean + (1 - weight) * value
        held = weight * held + (1 - weight)
        yield mean / held


def positions(metrics: Sequence[Metric], axis: CurveAxis, steps: int) -> list[float | None]:
    """Where each report stands: its step, its share of all `steps` in percent, or seconds at work."""
    if axis == "time":
        return elapsed(metrics)
    whole = max(steps, *(metric.step for metric in metrics), 1) if metrics else 1
    return [metric.step if axis == "step" else 100 * metric.step / whole for metric in metrics]
