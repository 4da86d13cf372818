"""The lines of the speed table, in its order.

Knows: each line's name, what its figure is, and the target it has to keep.
Refuses to know: how anything is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks import app_one, app_three, batching, cold_start, detokenise, first_text
from benchmarks.rounds import Effort, Measured, Target
from errors import UnknownName


@dataclass(frozen=True)
class Line:
    """One figure and its target."""

    name: str
    what: str
    target: Target
    measure: Callable[[Effort], Measured]


LINES = (
    Line("app-one", "tokens/s, engine / generate, one model", Target(0.95, True), app_one.measure),
    Line(
        "app-three",
        "tokens/s, three models at once / generate one after another",
        Target(0.95, True),
        app_three.measure,
    ),
    Line(
        "detokenise",
        "seconds, text stream / bare DecodeStream, 2048 Korean tokens",
        Target(2.0, False),
        detokenise.measure,
    ),
    Line(
        "first-text",
        "longest wait for a character that is whole, in tokens",
        Target(2.0, False),
        first_text.measure,
    ),
    Line(
        "batching-neox",
        "speed, eight questions at once / one after another, GPT-NeoX",
        Target(3.0, True),
        batching.measure_neox,
    ),
    Line(
        "batching-llama",
        "speed, eight questions at once / one after another, Llama",
        Target(3.0, True),
        batching.measure_llama,
    ),
    Line(
        "cold-start",
        "seconds, `ask` to its first text / import of torch and AutoModelForCausalLM",
        Target(1.3, False),
        cold_start.measure,
    ),
)


def picked(names: Iterable[str]) -> tuple[Line, ...]:
    """The named lines; all where none is named."""
    by_name = {line.name: line for line in LINES}
    names = tuple(names)
    for name in names:
        if name not in by_name:
            raise UnknownName("benchmark", name, by_name)
    return tuple(by_name[name] for name in names) or LINES
