"""What a training tells on its way, as lines of JSON in its folder: figures a step, and answers now and then.

A line that was being written when its process was killed is half a line, and is passed over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from whole_files import write_whole


@dataclass(frozen=True)
class Metric:
    """One line of metrics.jsonl; None where it was not measured then."""

    at: str
    step: int
    epoch: float
    loss: float | None = None
    learning_rate: float | None = None
    held_out_loss: float | None = None
    tokens_per_second: float | None = None
    memory_bytes: int | None = None
    grad_norm: float | None = None
    seconds_left: float | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    """What else this kind of training measures; in the line each stands under its own name."""

    def told(self, name: str) -> float | None:
        """What every kind of training tells, or one kind alone."""
        found = self.figures.get(name)
        return found if found is not None or name not in _ALWAYS else getattr(self, name)

    def line(self) -> str:
        held = {name: value for name, value in asdict(self).items() if name in _ALWAYS and value is not None}
        return json.dumps({**held, **self.figures}) + "\n"


_TAIL_BYTES = 65_536
"""More than the newest line and what may be half a line after it."""
_ALWAYS = {each.name for each in fields(Metric)} - {"figures"}


@dataclass(frozen=True)
class SampledAnswers:
    """One line of samples.jsonl: the same held-out questions, answered greedily after a step."""

    step: int
    answers: tuple[Mapping[str, Any], ...]
    """question, expected, answer and reward of each."""

    def line(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False) + "\n"


def read_metrics(path: Path) -> list[Metric]:
    """Every report so far, in the order of steps."""
    return _metrics_in(_lines(path))


def _metrics_in(lines: Iterable[str]) -> list[Metric]:
    found = []
    for held in _objects(lines):
        known = {name: value for name, value in held.items() if name in _ALWAYS}
        others = {name: value for name, value in held.items() if name not in _ALWAYS}
        figures = {name: value for name, value in others.items() if isinstance(value, int | float)}
        with suppress(TypeError):
            found.append(Metric(**known, figures=figures))
    return found


def last_metric(path: Path) -> Metric | None:
    """The newest report, without reading those before it."""
    with suppress(OSError), path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
        found = _metrics_in(file.read().decode("utf-8", errors="replace").splitlines()[-2:])
        return found[-1] if found else None
    return None


def read_samples(path: Path) -> list[SampledAnswers]:
    """In the order of steps."""
    found = []
    for held in _objects(_lines(path)):
        with suppress(KeyError, TypeError):
            found.append(SampledAnswers(int(held["step"]), tuple(held["answers"])))
    return found


def append_line(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(line)
        file.flush()


def forget_after(path: Path, step: int, read: Callable[[Path], list[Any]]) -> None:
    """A run that goes on from a checkpoint tells of the steps after it once more."""
    if path.exists():
        write_whole(path, "".join(each.line() for each in read(path) if each.step <= step))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _objects(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        with suppress(ValueError, RecursionError):
            held = json.loads(line)
            if isinstance(held, dict):
                yield held
