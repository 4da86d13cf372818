"""A reward model learns what TRL's learns, alone, killed or in two processes, and says how well it judges.

Run: python -m pytest tests/finetune/preference/test_learning_to_score.py
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file
from trl import RewardConfig, RewardTrainer
from trl.trainer.reward_trainer import DataCollatorForPreference

from errors import BadEntry, BadRequest, NaraniError, Stopped
from finetune import cli
from finetune.base import UnwatchedLoad
from finetune.preference import reward
from finetune.preference.preparing import PreparedPreferences, prepare
from finetune.preference.reward import train
from finetune.preference.reward_model import refuse_unproven
from finetune.preference.reward_network import set_scoring
from finetune.recipes import load_recipe
from finetune.reward_settings import RewardSettings
from finetune.run_folder import RunFolder, TrainingState, TrainingStatus
from finetune.training.learner import load_base
from model_registry.registry import load_registry
from tests.finetune.distributed.pairs import learned_by_two
from tests.finetune.training.training_house import ADAPTER, terminate_at


def figures(run: Path, name: str) -> list[float]:
    return [metric.figures[name] for metric in RunFolder(run).metrics() if name in metric.figures]


def losses(run: Path) -> list[float | None]:
    return [metric.loss for metric in RunFolder(run).metrics()]


def report(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "report.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def scoring(house: Path) -> RewardSettings:
    """Six steps over two epochs, of which the third and the sixth learn from four pairs."""
    data = (str(house.parent / "pairs.jsonl"),)
    return RewardSettings(
        base_model="tiny",
        data=data,
        max_tokens=64,
        learning_rate=3e-3,
        epochs=2.0,
        batch=6,
        micro_batch=3,
        warmup=0.0,
        checkpoint_steps=1,
    )


@pytest.fixture(scope="module")
def whole(house: Path, scoring: RewardSettings) -> Path:
    return train(replace(scoring, name="rm-whole"), house, device="cpu")


@pytest.fixture(scope="module")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """With the reward model that a third of the recipe's steps makes of the demo pairs."""
    home = tmp_path_factory.mktemp("demo") / "home"
    kept = dict(load_recipe("demo-reward").settings)
    train(RewardSettings(**{**kept, "name": "judge", "epochs": 1.0}), home, device="cpu")
    yield home


def test_it_judges_pairs_of_questions_that_it_never_read(demo_home: Path) -> None:
    run = demo_home / "runs/judge"
    told = report(run)
    held = told["held_out"]
    assert held["accuracy"] >= 0.9 and held["low"] > 0.75 and held["margin"] > 1 and held["pairs"] == 54
    assert told["held_out_before"]["accuracy"] < 0.7
    assert told["learned"] is True and "why" not in told
    assert told["cut_answers"]["after"] < told["cut_answers"]["before"]
    assert abs(told["length"]["correlation"]) < 0.5
    assert figures(run, "held_out_accuracy")[-1] == held["accuracy"]
    assert figures(run, "held_out_margin")[-1] == pytest.approx(held["margin"], abs=1e-5)
    assert len(figures(run, "accuracy")) == len(figures(run, "margin")) == told["steps"]
    text = (run / "report.md").read_text(encoding="utf-8")
    assert "held-out pairs told apart" in text and "- better: `" in text
    card = (run / "adapter/README.md").read_text(encoding="utf-8")
    assert "held-out pairs told apart" in card and "pipeline_tag: text-classification" in card
    assert "pad_token_id=0" in card and "`<|endoftext|>` where the answer ended" in card
    entry = load_registry(demo_home / "models").get("judge")
    assert entry.task == "reward" and entry.local.eos_token_ids == (2,)
    standing = refuse_unproven(entry)
    assert standing is not None
    worse, better = (
        [standing.of(pair[f"{name}_score"]) for pair in told["scored"]] for name in ("rejected", "chosen")
    )
    assert sum(worse) / len(worse) < 0.3 and sum(better) / len(better) > 0.7


def scored(capsys: pytest.CaptureFixture[str], home: Path, *options: str) -> list[Any]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NARANI_HOME", str(home))
        assert cli.main(["score", "--model", "judge", *options, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_command_scores_an_answer_and_a_file_of_them(
    demo_home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sample = report(demo_home / "runs/judge")["scored"][0]
    rows = tmp_path / "rows.jsonl"
    lines = [{"instruction": sample["question"], "output": sample[name]} for name in ("chosen", "rejected")]
    rows.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    found = scored(capsys, demo_home, "--data", str(rows))
    assert [line["source"] for line in found] == ["rows.jsonl, line 1", "rows.jsonl, line 2"]
    known = [sample["chosen_score"], sample["rejected_score"]]
    assert [line["score"] for line in found] == pytest.approx(known, abs=1e-5)
    (alone,) = scored(capsys, demo_home, "--question", sample["question"], "--answer", sample["chosen"])
    assert alone == {"score": pytest.approx(known[0], abs=1e-5)}


AS_OURS: dict[str, Any] = {
    "per_device_train_batch_size": 4,
    "num_train_epochs": 1,
    "learning_rate": 3e-3,
    "lr_scheduler_type": "constant",
    "train_sampling_strategy": "sequential",
    "center_rewards_coefficient": 0.2,
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


def test_trl_loses_the_same_on_the_same_ids(
    house: Path, scoring: RewardSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[PreparedPreferences] = []

    def keep(*given: Any, **more: Any) -> PreparedPreferences:
        kept.append(prepare(*given, **more))
        return kept[0]

    monkeypatch.setattr(reward, "prepare", keep)
    ours = replace(
        scoring, name="rm-ours", batch=4, micro_batch=4, epochs=1.0, schedule="constant", center=0.2
    )
    run = train(ours, house, device="cpu")

    spec = load_registry(house / "models").get("tiny")
    loaded, compute = load_base(spec, ours, torch.device("cpu"), UnwatchedLoad())
    learner = set_scoring(loaded, compute, ours, kept[0].targets)
    rows = [{"chosen_ids": row.chosen_ids, "rejected_ids": row.rejected_ids} for row in kept[0].learned]
    arguments = RewardConfig(output_dir=str(tmp_path), **AS_OURS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = RewardTrainer(
            model=learner.network,
            args=arguments,
            train_dataset=Dataset.from_list(rows),
            data_collator=DataCollatorForPreference(pad_token_id=0),
            processing_class=loaded.tokenizer,
        )
        theirs.train()
    lines = [line for line in theirs.state.log_history if "loss" in line]
    assert losses(run) == pytest.approx([line["loss"] for line in lines], abs=1e-4)
    assert figures(run, "margin") == pytest.approx([line["margin"] for line in lines], abs=1e-4)
    assert figures(run, "accuracy") == pytest.approx([line["accuracy"] for line in lines])


def test_other_micro_batches_learn_the_same_and_one_seed_the_same_bytes(
    house: Path, scoring: RewardSettings, whole: Path
) -> None:
    other = train(
        replace(scoring, name="rm-micro", micro_batch=2, gradient_checkpointing=True), house, device="cpu"
    )
    assert losses(other) == pytest.approx(losses(whole), abs=1e-5)
    again = train(replace(scoring, name="rm-again"), house, device="cpu")
    assert (again / ADAPTER).read_bytes() == (whole / ADAPTER).read_bytes()
    assert losses(again) == losses(whole)


def begun_by(run: Path, name: str, step: int) -> None:
    """A run of this name, as if `run` had been killed a step after the checkpoint of that step."""
    again = run.with_name(name)
    shutil.copytree(run, again)
    shutil.rmtree(again / "adapter")
    for checkpoint in (again / "checkpoints").iterdir():
        if int(checkpoint.name.split("-")[1]) > step:
            shutil.rmtree(checkpoint)
    RunFolder(again).set_status(TrainingStatus(TrainingState.TRAINING))


def test_killed_or_stopped_it_goes_on_to_the_same_bytes(
    house: Path, scoring: RewardSettings, whole: Path
) -> None:
    with pytest.raises(Stopped, match="after step 3"):
        train(replace(scoring, name="rm-stopped"), house, device="cpu", show=terminate_at(3))
    begun_by(whole, "rm-killed", 5)
    for name in ("rm-stopped", "rm-killed"):
        run = train(replace(scoring, name=name, resume=True), house, device="cpu")
        assert (run / ADAPTER).read_bytes() == (whole / ADAPTER).read_bytes()
        assert losses(run) == losses(whole)
        assert report(run)["held_out"] == report(whole)["held_out"]


def test_two_processes_learn_what_one_does(house: Path, scoring: RewardSettings, whole: Path) -> None:
    # The third step has four pairs: one of its micro batches has none.
    settings = replace(scoring, name="rm-two", distributed="ddp", micro_batch=3)
    pair = learned_by_two(settings, house)
    assert pair.codes == (0, 0), pair.said
    run = house / "runs/rm-two"
    assert losses(run) == pytest.approx(losses(whole), abs=1e-5)
    assert figures(run, "margin") == pytest.approx(figures(whole, "margin"), abs=1e-5)
    one, two = load_file(whole / ADAPTER), load_file(run / ADAPTER)
    assert all(torch.allclose(one[name], two[name], rtol=0, atol=1e-5) for name in one | two)


def test_a_tuned_adapter_is_where_it_begins(house: Path, scoring: RewardSettings, whole: Path) -> None:
    """Its own adapter will do: what counts are the LoRA layers."""
    entry = load_registry(house / "models").get("rm-whole")
    assert entry.adapter is not None
    run = train(replace(scoring, base_model="rm-whole", name="rm-further", max_steps=1), house, device="cpu")
    first, further = load_file(whole / ADAPTER), load_file(run / ADAPTER)
    assert first.keys() == further.keys()
    moved = [name for name in first if ".lora_" in name and not torch.equal(first[name], further[name])]
    assert moved
    # One step at most moves a weight by the rate.
    assert all(torch.allclose(first[name], further[name], atol=4e-3) for name in moved)
    assert load_registry(house / "models").get("rm-further").adapter == entry.adapter
    (note,) = [note for note in report(run)["notes"] if "goes on learning;" in note]
    assert "its LoRA layers keep their rank (8)" in note


def test_one_that_learned_nothing_says_so_and_leads_nobody(house: Path, scoring: RewardSettings) -> None:
    idle = train(replace(scoring, name="rm-idle", learning_rate=1e-8, max_steps=1), house, device="cpu")
    told = report(idle)
    assert told["learned"] is False and told["why_facts"]["code"] == "reward-like-a-coin"
    assert "Nothing was learned" in (idle / "report.md").read_text(encoding="utf-8")
    with pytest.raises(BadRequest, match="does not judge better than a coin"):
        refuse_unproven(load_registry(house / "models").get("rm-idle"))


def test_one_score_for_everything_is_an_error(
    house: Path, scoring: RewardSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reward, "scores_of", lambda network, head, rows, **rest: [0.25] * len(rows))
    with pytest.raises(NaraniError, match="the same score whatever it reads"):
        train(replace(scoring, name="rm-same", max_steps=1), house, device="cpu")
    assert "rm-same" not in load_registry(house / "models").models


def test_a_loss_that_is_no_number_names_its_pairs(
    house: Path, scoring: RewardSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finetune.preference import reward_trainer

    known = reward_trainer.pair_losses
    monkeypatch.setattr(reward_trainer, "pair_losses", lambda *given: known(*given) * float("nan"))
    with pytest.raises(NaraniError, match="pairs.jsonl"):
        train(replace(scoring, name="rm-broken"), house, device="cpu")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("a", "b")], "one pair"),
        ([("a", "a")] * 20, "neither is better"),
        ([("가" * 90, "b")] * 20, "longer than 64 tokens"),
    ],
)
def test_pairs_of_which_nothing_can_be_learned_are_refused(
    house: Path, scoring: RewardSettings, tmp_path: Path, rows: list[tuple[str, str]], said: str
) -> None:
    path = tmp_path / "bad.jsonl"
    lines = [
        {"prompt": f"질문 {number}?", "chosen": one, "rejected": other}
        for number, (one, other) in enumerate(rows)
    ]
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    with pytest.raises((BadEntry, BadRequest), match=said):
        train(replace(scoring, name="rm-bad", data=(str(path),)), house, device="cpu")
