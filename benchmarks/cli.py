"""The benchmarks of the table: `python -m benchmarks [NAME …] [--rounds N] [--quick] [--json FILE]`,
and of `python -m benchmarks rlhf`, a table of its own (rlhf.py).

Knows: which lines are run, that a figure is said and written down as soon as it is there, and that a line
which fails its target makes the exit code 1.
Refuses to know: what a line measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import tyro
from rich.console import Console

from benchmarks import rlhf
from benchmarks.lines import picked
from benchmarks.report import Outcome, figure, remarks, table, write_json
from benchmarks.rounds import Effort, on_one_thread
from command_line import ended, unwinding

_QUICK = Effort(rounds=1, tokens=64, answers=20_000, pages=500, questions=60)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Measure the lines of the speed table, both sides of each in one run."""

    lines: tyro.conf.Positional[tuple[str, ...]] = ()
    """The lines to measure; all when none is named here or by --only. `search` names all that begin so, and
    `rlhf` alone is the table of what chat tuning teaches."""
    only: tuple[str, ...] = ()
    """The same, as an option."""
    rounds: int = Effort().rounds
    """How often each pair is measured."""
    quick: bool = False
    """One round of little work a line, to see that all of them run; no figure is held against its target."""
    json: Path | None = None
    """Write the figures to this file too, line by line."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = tyro.cli(Options, prog="python -m benchmarks", args=arguments)
    with unwinding():
        return ended(lambda: _measure(options))


def _measure(options: Options) -> int:
    console = Console()
    if options.lines == (rlhf.NAMED,):
        return rlhf.measure_methods(console, options.json)
    effort = (
        Effort(rounds=1, tokens=64, answers=20_000, pages=500, questions=60)
        if options.quick
        else Effort(rounds=options.rounds)
    )
    outcomes: list[Outcome] = []
    for line in picked((*options.lines, *options.only)):
        console.print(f"{line.name}: {line.what}", highlight=False)
        measured = on_one_thread(partial(line.measure, effort))
        outcomes.append((line, measured))
        for said in (*remarks(measured), figure(line, measured)):
            console.print(f"  {said}", highlight=False)
        if options.json is not None:
            write_json(options.json, outcomes)
    console.print(table(outcomes))
    if options.quick:
        return int(any(measured.broken for _, measured in outcomes))
    return int(any(measured.verdict(line.target) == "fails" for line, measured in outcomes))
