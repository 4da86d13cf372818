"""`python -m finetune rewards`: what an answer can be rewarded for, apart from the settings that name it."""

from __future__ import annotations

from dataclasses import dataclass

from finetune.rl.rewards import KINDS
from finetune.terminal_tables import Column, console, fitted


@dataclass(frozen=True)
class RewardsCommand:
    """What answers can be rewarded for by grpo, rloo and ppo: NAME, NAME=ARGUMENT, or either with *WEIGHT."""


def run(options: RewardsCommand) -> int:
    screen, rows = console(), []
    for name, kind in KINDS.items():
        needs = " Every question needs an expected answer." if kind.needs_expected else ""
        rows.append((f"{name}={kind.argument}" if kind.argument else name, kind.told + needs))
    columns = (Column("reward"), Column("an answer's score", wraps=True))
    screen.print(fitted(columns, rows, screen.width))
    return 0
