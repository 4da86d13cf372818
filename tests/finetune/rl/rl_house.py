"""Small learnings by rewards of the demo model, in this process and in one that can be killed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from finetune.recipes import load_recipe
from finetune.rl_settings import RlSettings
from finetune.run_folder import TrainingStatus
from finetune.run_reports import Metric

TIMES = ("at", "tokens_per_second", "memory_bytes", "seconds_left")


def demo_settings(kind: str, **changes: Any) -> RlSettings:
    settings = load_recipe(f"demo-{kind}").with_defaults()
    assert isinstance(settings, RlSettings)
    return replace(settings, **changes)


def small_rl_settings(kind: str, **changes: Any) -> RlSettings:
    """Six updates of eight short answers, rewarded for what every answer has more or less of."""
    small: dict[str, Any] = {
        "rewards": ("length=1-20", "level=polite*0.5"),
        "unended_reward": None,
        "batch": 8,
        "group": 1 if kind == "ppo" else 4,
        "micro_batch": 4,
        "max_steps": 6,
        "max_new_tokens": 12,
        "checkpoint_steps": 1,
        "keep_checkpoints": 3,
        "sample_steps": 4,
        "lora_targets": ("query_key_value",),
    }
    return demo_settings("grpo" if kind == "grpo" else "ppo", **{**small, **changes})


def train_by_rewards_until(settings: RlSettings, home: Path, steps: Sequence[int]) -> None:
    """In a process of its own; kills itself while it tells of one of these updates."""
    import torch

    from finetune.rl.training import train

    def show(status: TrainingStatus, metric: Metric | None) -> None:
        if metric is not None and metric.step in steps:
            os.kill(os.getpid(), signal.SIGKILL)

    torch.set_num_threads(1)
    train(settings, home, device="cpu", show=show)


def told(run: Path) -> list[dict[str, Any]]:
    """What metrics.jsonl tells, without what depends on the clock."""
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in TIMES} for line in lines]
