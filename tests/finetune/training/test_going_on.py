"""What a run may not go on with, and what no model's report may say, each refused in a sentence.

Run: python -m pytest tests/finetune/training/test_going_on.py
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from transformers import PreTrainedTokenizerFast

from errors import BadRequest, NaraniError, Stopped
from finetune import kinds
from finetune.data import read_examples
from finetune.run_folder import run_folder
from finetune.training.preparing import read_rows
from finetune.training.sft import train
from tests.engines.tiny_models import make_tiny_model
from tests.finetune.training.training_house import add_base, long_settings, small_settings, terminate_at

OLD = Path(__file__).parents[2] / "old_files"


def test_a_training_that_was_stopped_by_an_older_narani_goes_on_from_its_checkpoint(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(OLD / "runs", home / "runs")
    monkeypatch.chdir(OLD)
    held = run_folder(home, "stopped").read("manifest.json") or {}
    steps: list[int] = []

    def show(status: Any, metric: Any) -> None:
        steps.extend([metric.step] if metric is not None and metric.loss is not None else ())

    kinds.train(replace(kinds.settings_of(held), resume=True), home, device="cpu", show=show)
    assert steps == [3, 4] and (home / "runs/stopped/adapter").is_dir()


@pytest.mark.usefixtures("few_questions")
def test_a_recurrent_run_keeps_its_micro_batch_whatever_batching_was_asked_for(
    data: Path, home: Path, tmp_path: Path
) -> None:
    """Its rows are put together by it, though the settings say packed."""
    add_base(home, make_tiny_model(tmp_path / "rwkv", "rwkv"), "rwkv", "rwkv", prompt_format="koalpaca")
    settings = long_settings(data, base_model="rwkv", batching="packed", epochs=1.0)
    with pytest.raises(Stopped):
        train(settings, home, device="cpu", show=terminate_at(2))

    with pytest.raises(BadRequest, match="another micro_batch"):
        train(replace(settings, resume=True, micro_batch=1), home, device="cpu")


@pytest.mark.usefixtures("few_questions")
def test_a_loss_without_a_number_is_no_models_figure(data: Path, home: Path, tmp_path: Path) -> None:
    """A token that only a held-out row holds overflows, so no step meets it."""
    folder = make_tiny_model(tmp_path / "overflowing")
    weights = load_file(folder / "model.safetensors")
    (rare,) = PreTrainedTokenizerFast.from_pretrained(folder).backend_tokenizer.encode("Z").ids
    weights["gpt_neox.embed_in.weight"][rare] = 3e38
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    add_base(home, folder, "gpt_neox", "overflowing", prompt_format="koalpaca")
    settings = small_settings(data, base_model="overflowing", max_steps=1)
    held_out = read_rows(settings, read_examples).held_out[0].conversation.turns[-1].answer
    assert held_out is not None
    data.write_text(data.read_text(encoding="utf-8").replace(held_out, "Z"), encoding="utf-8")

    with pytest.raises(NaraniError, match="a loss that is not a number, so nothing was saved as a model"):
        train(settings, home, device="cpu")
    assert not (home / "runs/small/report.json").exists()
    assert not (home / "runs/small/adapter").exists()
