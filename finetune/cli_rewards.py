"""`python -m finetune rewards`: what an answer can be rewarded for, apart from the settings that name it."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from finetune.rl.rewards import KINDS


@dataclass(frozen=True)
class RewardsCommand:
    """What answers can be rewarded for by grpo, rloo and ppo: NAME, NAME=ARGUMENT, or either with *WEIGHT."""


def run(options: RewardsCommand) -> int:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("reward", "an answer's score"):
        table.add_column(column, no_wrap=column == "reward", overflow="fold")
    for name, kind in KINDS.items():
        needs = " Every question needs an expected answer." if kind.needs_expected else ""
        table.add_row(f"{name}={kind.argument}" if kind.argument else name, Text(kind.told + needs))
    console.print(table)
    return 0
