"""A tuning on pairs: what it learns is what TRL learns, whole and in parts, and it says what came of it.

Run: python -m pytest tests/finetune/preference/test_learning_from_pairs.py
"""

from __future__ import annotations

import json
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from trl import DPOConfig, DPOTrainer

from errors import BadRequest, NaraniError
from finetune.base import UnwatchedLoad
from finetune.preference import dpo, training
from finetune.preference.dpo import train
from finetune.preference.losses import pair_losses
from finetune.preference.preparing import PreparedPreferences, prepare
from finetune.preference_settings import DpoSettings
from finetune.run_folder import RunFolder, TrainingState, TrainingStatus
from finetune.training.learner import load_base, set_learning
from model_registry.registry import load_registry
from tests.finetune.training.training_house import ADAPTER


def figures(run: Path, name: str) -> list[float]:
    return [metric.figures[name] for metric in RunFolder(run).metrics()]


def losses(run: Path) -> list[float | None]:
    return [metric.loss for metric in RunFolder(run).metrics()]


def report(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "report.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def whole(house: Path) -> Path:
    """The run that others are compared with; its sixth step is its last."""
    changes: dict[str, Any] = {"epochs": 2.0, "batch": 6, "micro_batch": 3, "warmup": 0.0}
    data = (str(house.parent / "pairs.jsonl"),)
    settings = DpoSettings(base_model="tiny", data=data, max_tokens=64, learning_rate=3e-3, **changes)
    return train(replace(settings, name="whole"), house, device="cpu")


def test_a_run_tells_its_figures_and_reports(whole: Path, house: Path) -> None:
    assert len(losses(whole)) == 6
    # Before the first step network and reference are one.
    assert figures(whole, "margin")[0] == figures(whole, "chosen_change")[0] == 0.0
    assert figures(whole, "margin")[-1] > 0 and figures(whole, "chosen_change")[-1] > 0
    assert all(0 <= share <= 1 for share in figures(whole, "accuracy"))
    told = report(whole)
    held = told["held_out"]
    assert (held["reward_before"], held["exact_before"]) == (0.0, 0.0) and held["reward_after"] > 0
    assert 0 < told["kl"] < 20 and 0 <= held["ended_after"] <= 1 and len(told["samples"]) == 2
    assert told["kind"] == "dpo" and told["base_id"] == "tiny" and told["model_id"] == "whole"
    assert "KL an answer" in (whole / "report.md").read_text(encoding="utf-8")
    card = (whole / "adapter/README.md").read_text(encoding="utf-8")
    assert "dpo" in card and "held-out margin" in card and '"beta": 0.1' in card
    assert load_registry(house / "models").get("whole").adapter is not None


def test_other_micro_batches_and_recomputed_activations_learn_the_same(
    whole: Path, house: Path, settings: DpoSettings
) -> None:
    other = replace(settings, name="other", micro_batch=2, gradient_checkpointing=True)
    run = train(other, house, device="cpu")
    assert losses(run) == pytest.approx(losses(whole), abs=1e-5)
    for name, value in load_file(run / ADAPTER).items():
        assert torch.allclose(value, load_file(whole / ADAPTER)[name], atol=1e-5)


AS_OURS: dict[str, Any] = {
    "per_device_train_batch_size": 4,
    "num_train_epochs": 1,
    "learning_rate": 3e-3,
    "lr_scheduler_type": "constant",
    "train_sampling_strategy": "sequential",
    "loss_type": ["sigmoid", "sft"],
    "loss_weights": [1.0, 0.7],
    "beta": 0.3,
    "max_length": None,
    "bf16": False,
    "use_cpu": True,
    "report_to": [],
    "logging_steps": 1,
    "save_strategy": "no",
    "disable_tqdm": True,
    "gradient_checkpointing": False,
    "dataloader_pin_memory": False,
}
"""TRL's settings for what the test sets ours to."""


def learned_by_trl(
    settings: DpoSettings, prepared: PreparedPreferences, house: Path, folder: Path
) -> DPOTrainer:
    """TRL's trainer after learning the same pairs as texts, which come to the same ids."""
    rows, names = prepared.learned, ("prompt", "chosen", "rejected")
    spec = load_registry(house / "models").get("tiny")
    loaded, compute = load_base(spec, settings, torch.device("cpu"), UnwatchedLoad())
    learner = set_learning(loaded, compute, settings, prepared.targets)
    tokenizer: Any = loaded.tokenizer
    ids = [(row.prompt, row.chosen[:-1], row.rejected[:-1]) for row in rows]
    texts = [dict(zip(names, map(tokenizer.decode, row), strict=True)) for row in ids]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = DPOTrainer(
            model=learner.network,
            args=DPOConfig(output_dir=str(folder), **AS_OURS),
            train_dataset=Dataset.from_list(texts),
            processing_class=tokenizer,
        )
        for row, read in zip(rows, trainer.train_dataset, strict=True):
            kept = [read[f"{name}_ids"] for name in names]
            assert kept == [list(row.prompt), list(row.chosen), list(row.rejected)]
        trainer.train()
    return trainer


def test_trl_learns_the_same_of_the_same_texts(
    house: Path, settings: DpoSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of texts without control tokens, which TRL would make of what a person wrote."""
    prepared: list[PreparedPreferences] = []

    def keep(*given: Any) -> PreparedPreferences:
        prepared.append(prepare(*given))
        return prepared[0]

    monkeypatch.setattr(training, "prepare", keep)
    ours = replace(settings, name="ours", batch=4, micro_batch=4, epochs=1.0, schedule="constant")
    ours = replace(ours, sft_weight=0.7, beta=0.3)
    run = train(ours, house, device="cpu")
    assert len(prepared[0].learned) == 16

    theirs = learned_by_trl(ours, prepared[0], house, tmp_path)
    lines = [line for line in theirs.state.log_history if "loss" in line]
    assert losses(run) == pytest.approx([line["loss"] for line in lines], abs=1e-4)
    assert figures(run, "margin") == pytest.approx([line["rewards/margins"] for line in lines], abs=1e-4)
    assert figures(run, "chosen_log_prob") == pytest.approx(
        [line["logps/chosen"] for line in lines], abs=1e-2
    )


def test_a_tuned_adapter_goes_on_learning_and_is_the_reference(
    whole: Path, house: Path, settings: DpoSettings
) -> None:
    run = train(replace(settings, base_model="whole", name="further", max_steps=1), house, device="cpu")
    assert figures(run, "margin")[0] == pytest.approx(0.0, abs=1e-6)
    assert figures(run, "chosen_log_prob")[0] > figures(whole, "chosen_log_prob")[0] + 0.1
    told = report(run)
    assert told["base_id"] == "whole" and any("what it is held against" in note for note in told["notes"])
    # One adapter over the base comes of it, not one over an adapter.
    entry = load_registry(house / "models").get("further")
    assert entry.adapter is not None and entry.adapter.base == "tiny"
    names = load_file(run / ADAPTER).keys()
    assert names == load_file(whole / ADAPTER).keys()


def killed(run: Path, name: str) -> Path:
    """A run of this name, as if `run` had been killed after its fourth step, one behind its checkpoint."""
    again = run.with_name(name)
    shutil.copytree(run, again)
    for made in ("adapter", "checkpoints/checkpoint-6"):
        shutil.rmtree(again / made)
    RunFolder(again).set_status(TrainingStatus(TrainingState.TRAINING))
    return again


def test_a_run_that_was_killed_goes_on_to_the_same_weights(
    whole: Path, house: Path, settings: DpoSettings
) -> None:
    run = killed(whole, "killed")
    train(replace(settings, name="killed", resume=True), house, device="cpu")
    assert (run / ADAPTER).read_bytes() == (whole / ADAPTER).read_bytes()
    assert losses(run) == losses(whole)


def test_the_reference_is_computed_once(whole: Path, house: Path, settings: DpoSettings) -> None:
    """A run that goes on takes the kept figures, so that it learns against the very same."""
    run = killed(whole, "again")
    kept = load_file(run / "reference.safetensors")["log_probs"]
    with safe_open(run / "reference.safetensors", framework="pt") as file:
        metadata = file.metadata()
    save_file({"log_probs": kept + 1.0}, run / "reference.safetensors", metadata)
    train(replace(settings, name="again", resume=True), house, device="cpu")
    # Every answer is one likelier (in both of its sums) to the reference, so nothing changes between them.
    assert figures(run, "margin") == pytest.approx(figures(whole, "margin"), abs=1e-6)
    gone = [
        one - other
        for one, other in zip(figures(whole, "chosen_change"), figures(run, "chosen_change"), strict=True)
    ]
    assert gone == pytest.approx([0, 0, 0, 2, 2, 2], abs=1e-5)


def test_what_came_to_nothing_is_said(
    house: Path, settings: DpoSettings, caplog: pytest.LogCaptureFixture
) -> None:
    idle = train(replace(settings, name="idle", learning_rate=1e-8, max_steps=1), house, device="cpu")
    told = report(idle)
    assert told["learned"] is False and told["why_facts"]["code"] == "preference-same-answers"
    assert "Nothing was learned" in (idle / "report.md").read_text(encoding="utf-8")

    pushed = replace(settings, name="pushed", sft_weight=0.0, learning_rate=0.05, beta=1.0)
    told = report(train(pushed, house, device="cpu"))
    assert told["held_out"]["accuracy"] == 1.0 and told["held_out"]["chosen_change"] < 0
    assert any("became less likely" in note for note in told["notes"])
    # Said once on the way, too, while somebody can still stop it.
    assert ["became less likely" in line for line in caplog.messages if line.startswith("step ")] == [True]


def test_a_loss_without_reference_compares_with_none(house: Path, settings: DpoSettings) -> None:
    run = train(replace(settings, name="orpo", loss="orpo", max_steps=2), house, device="cpu")
    assert "chosen_change" not in RunFolder(run).metrics()[0].figures
    assert len(load_file(run / "reference.safetensors")["log_probs"]) == 2 * 8
    assert report(run)["held_out"]["chosen_change"] > 0


def test_a_loss_that_is_no_number_names_its_pairs(
    house: Path, settings: DpoSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dpo, "pair_losses", lambda *given: pair_losses(*given) * float("nan"))
    with pytest.raises(NaraniError, match="pairs.jsonl"):
        train(replace(settings, name="broken"), house, device="cpu")


def test_rows_that_are_all_too_long_are_refused(house: Path, settings: DpoSettings) -> None:
    with pytest.raises(BadRequest, match="longer than 8 tokens"):
        train(replace(settings, name="long", max_tokens=8), house, device="cpu")
