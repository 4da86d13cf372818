"""`python -m search eval FOLDER`: how well its documents are found; apart as every command is."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from command_line import on_interrupt
from search.cli_index import ShownWatch
from search.evaluation import evaluate
from settings import read_settings


@dataclass(frozen=True)
class EvalOptions:
    """Index corpus.jsonl, ask every query of queries.jsonl, and measure by qrels/test.tsv."""

    folder: Annotated[Path, tyro.conf.Positional]
    """A folder in BEIR's layout."""
    json: bool = False
    """Print JSON, and nothing else."""


def evaluate_folder(options: EvalOptions) -> int:
    watch = ShownWatch()
    with on_interrupt(watch.stop):
        try:
            result = evaluate(options.folder, watch, read_settings().search_dense)
        finally:
            watch.close()
    values = result.as_json()
    if options.json:
        sys.stdout.write(f"{json.dumps(values)}\n")
        return 0
    for name, value in values.items():
        shown = f"{value:,.4f}" if isinstance(value, float) else f"{value:,}"
        sys.stdout.write(f"{name:<16} {shown}\n")
    return 0
