"""`python -m finetune data FILE…`: what data is, before anything is trained on it.

Knows: the arguments, and that every bad row is told here instead of ending it.
Refuses to know: how data is read and counted.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

import tyro
from rich.console import Console

from finetune.data.drawing import print_report
from finetune.data.report import inspect
from finetune.kinds import KINDS
from model_registry.registry import load_registry
from settings import read_settings

_PIPE_WIDTH = 120


@dataclass(frozen=True, kw_only=True)
class Data:
    """Look at data as a training would read it: what it is, how long its rows are, and what is wrong."""

    files: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Files, or ids of hub datasets; `file.jsonl*2` counts a file twice as much."""
    format: str | None = None
    """The prompt format to show it in; None: the base's own."""
    kind: Literal["sft", "reward", "dpo", "kto", "grpo", "rloo", "ppo"] | None = None
    """The kind of training that is to read it; None: what it looks like."""
    holdout_data: tuple[str, ...] = ()
    """Data to measure with; rows whose question stands there too are counted."""
    base_model: str | None = None
    """A model id of the registry, hub id or folder, whose tokens are counted; its weights are not needed."""
    max_tokens: int = 1024
    """Longer rows would be cut; they are counted."""
    learn_prompts: bool = False
    """Show questions as learned too."""
    seed: int = 42
    """Decides which rows are drawn for weights and samples."""
    json: bool = False
    """Print JSON, and nothing else."""


def run(options: Data) -> int:
    """The exit code: 0, or 1 where rows had to be left out."""
    report = inspect(
        options.files,
        options.format,
        options.base_model,
        load_registry(read_settings().own_models),
        use=KINDS[options.kind].settings.reads if options.kind else None,
        held_out=options.holdout_data,
        max_tokens=options.max_tokens,
        learn_prompts=options.learn_prompts,
        seed=options.seed,
    )
    if options.json:
        sys.stdout.write(json.dumps(asdict(report), ensure_ascii=False, indent=2) + "\n")
    else:
        width = None if sys.stdout.isatty() else _PIPE_WIDTH
        print_report(report, Console(width=width, highlight=False))
    return 1 if report.bad else 0
