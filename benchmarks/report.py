"""Figures as a person reads them, and as a program does.

Knows: a table for the terminal, and the keys of the JSON file.
Refuses to know: what was measured and on what machine it will be read.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers
from rich.table import Table

from benchmarks.lines import Line
from benchmarks.rounds import Measured
from whole_files import write_whole

Outcome = tuple[Line, Measured]


def table(outcomes: Iterable[Outcome]) -> Table:
    shown = Table("line", "target", "median", "lowest to highest", "verdict")
    for line, measured in outcomes:
        low, high = measured.spread
        shown.add_row(
            line.name,
            str(line.target),
            f"{measured.median:.2f}",
            f"{low:.2f} to {high:.2f}",
            measured.verdict(line.target),
        )
    return shown


def figure(line: Line, measured: Measured) -> str:
    """One row of the table, for whoever waits for the others."""
    low, high = measured.spread
    held = f"{measured.verdict(line.target)} (target {line.target})"
    return f"{measured.median:.2f}, from {low:.2f} to {high:.2f}: {held}"


def remarks(measured: Measured) -> list[str]:
    return [*(f"wrong: {sentence}" for sentence in measured.broken), *measured.notes]


def write_json(path: Path, outcomes: Iterable[Outcome]) -> None:
    """Whole at any moment: it is written again after every line."""
    write_whole(path, json.dumps(_everything(outcomes), ensure_ascii=False, indent=2) + "\n")


def _everything(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    return {
        "machine": f"{os.cpu_count()} cores, no GPU used",
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "tokenizers": tokenizers.__version__,
        },
        "lines": [
            {
                "name": line.name,
                "what": line.what,
                "target": line.target.bound,
                "at_least": line.target.at_least,
                "median": measured.median,
                "rounds": measured.values,
                "verdict": measured.verdict(line.target),
                "broken": measured.broken,
                "notes": measured.notes,
            }
            for line, measured in outcomes
        ],
    }
