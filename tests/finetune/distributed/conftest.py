"""The same rows learned by one process, for all tests that compare with it.

Knows: a home with a tiny base, and settings whose last step of an epoch is not full.
Refuses to know: what is tested.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from finetune.sft_settings import SftSettings
from finetune.training.sft import train
from tests.engines.tiny_models import make_tiny_model
from tests.finetune.training.training_house import (
    NAMES,
    add_base,
    asking_few,
    small_settings,
    write_rows,
)

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("several") / "home"
    add_base(home, make_tiny_model(home.parent / "tiny"), "gpt_neox", prompt_format="koalpaca")
    return home


@pytest.fixture(scope="session")
def settings(home: Path) -> SftSettings:
    """Six steps over three epochs; 15 rows, of which the second step of an epoch learns seven."""
    rows = write_rows(home.parent / "rows.jsonl", NAMES[:23])
    small = small_settings(rows, base_model="tiny", epochs=3.0, lora_dropout=0.0, micro_batch=2)
    return replace(small, checkpoint_steps=1, keep_checkpoints=9)


@pytest.fixture(scope="module", autouse=True)
def _few_questions() -> Iterator[None]:
    with asking_few():
        yield


@pytest.fixture(scope="session")
def one(home: Path, settings: SftSettings) -> Path:
    """One process, with the doubled batch."""
    torch.set_num_threads(1)
    with asking_few():
        return train(replace(settings, name="one", micro_batch=4), home, device="cpu")


@pytest.fixture(scope="session")
def one_full(home: Path, settings: SftSettings) -> Path:
    # Adam makes a step of the rate out of the smallest gradient, also where its sign is rounding.
    full = replace(settings, name="one-full", micro_batch=4, method="full", learning_rate=3e-5)
    with asking_few():
        return train(full, home, device="cpu")


@pytest.fixture(scope="session")
def two(home: Path, settings: SftSettings) -> subprocess.CompletedProcess[str]:
    """The command as a person types it."""
    options = (
        "--recipe none --base-model tiny --name two --batch 8 --micro-batch 2 --max-tokens 64 --epochs 3"
    )
    options += " --batching plain --warmup 0 --lora-dropout 0 --checkpoint-steps 1 --keep-checkpoints 9"
    options += " --distributed ddp --processes 2"
    return subprocess.run(
        [sys.executable, "-m", "finetune", "sft", *options.split(), "--data", *settings.data],
        cwd=ROOT,
        env={**os.environ, "NARANI_HOME": str(home), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        encoding="utf-8",
        timeout=200,
        check=False,
    )
