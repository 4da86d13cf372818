"""Settings that only the trainer's own arguments show: Adam's figures, and where TensorBoard's curves lie.

Run: python -m pytest tests/finetune/training/test_arguments_of_the_trainer.py
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from finetune.examples import TokenRow
from finetune.training import arguments as made_of
from finetune.training.batches import training_batches
from finetune.training.trainer import sft_arguments
from tests.finetune.training.training_house import small_settings


def test_adams_figures_and_the_folder_of_the_curves(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made_of, "find_spec", lambda name: True)
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", "elsewhere")
    settings = replace(small_settings(data), adam_betas=(0.8, 0.9), report_to=("tensorboard",))
    rows = [TokenRow((1, 2), (False, True), f"line {number}") for number in range(8)]
    batches = training_batches(rows, settings, settings.batching, 0, 1)
    given = sft_arguments(batches, tmp_path / "run", torch.device("cpu"), torch.float32)

    assert (given.adam_beta1, given.adam_beta2, given.report_to) == (0.8, 0.9, ["tensorboard"])
    assert os.environ["TENSORBOARD_LOGGING_DIR"] == str(tmp_path / "run" / "tensorboard")
