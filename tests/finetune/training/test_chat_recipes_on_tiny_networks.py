"""The recipes of KoChatGPT and chatKoAlpaca really train: three steps each on a tiny network, rows shaped as
their data is.

Run: python -m pytest tests/finetune/training/test_chat_recipes_on_tiny_networks.py
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from finetune.kinds import train
from finetune.preference import preparing
from finetune.recipes import load_recipe
from finetune.rl_settings import PpoSettings
from finetune.run_folder import RunFolder, TrainingState
from model_registry.registry import load_registry
from tests.finetune.coming_from_page import FACTS, FILES
from tests.finetune.data.data_files import written

PAIRS = 3 * len(FACTS)


@pytest.mark.parametrize("name", ["kochatgpt-rm", "chatkoalpaca-rm"])
def test_a_reward_recipe_learns_from_rankings_and_enters_a_reward_model(
    name: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing, "ASKED", 1)
    recipe = load_recipe(name).with_defaults()
    data = written(tmp_path, "kochatgpt_2_RM.jsonl", FILES["kochatgpt_2_RM.jsonl"])
    small = replace(recipe, base_model="tiny", data=(data,), name=name, max_steps=3)

    run = RunFolder(train(small, home, device="cpu"))

    status, manifest, report = run.status(), run.read("manifest.json"), run.read("report.json")
    assert status is not None and (status.state, status.step) == (TrainingState.DONE, 3)
    assert all(metric.loss is not None and math.isfinite(metric.loss) for metric in run.metrics())
    assert manifest is not None and report is not None
    assert (manifest["base"]["format"], manifest["settings"]["batch"]) == ("alpaca-ko", recipe.batch)
    assert sum(manifest["rows"].values()) == manifest["data"][0]["rows"] == PAIRS
    # Whole questions are held out, each with its three pairs.
    assert report["held_out"]["pairs"] == manifest["rows"]["held_out"] == 9
    assert {"accuracy", "low", "high", "margin"} <= report["held_out"].keys()
    assert load_registry(home / "models").models[report["model_id"]].task == "reward"


@pytest.mark.parametrize(
    ("name", "prompt", "answer"), [("kochatgpt-ppo", 96, 96), ("chatkoalpaca-ppo", 256, 128)]
)
def test_a_ppo_recipe_learns_from_questions_alone(
    name: str, prompt: int, answer: int, home: Path, tmp_path: Path
) -> None:
    recipe = load_recipe(name).with_defaults()
    assert isinstance(recipe, PpoSettings)
    assert (recipe.max_tokens - recipe.max_new_tokens, recipe.max_new_tokens) == (prompt, answer)
    data = written(tmp_path, "kochatgpt_3_PPO.jsonl", FILES["kochatgpt_3_PPO.jsonl"])
    # A reward model over a network of no sense would be refused, so a measure of the text rewards here.
    small = replace(
        recipe,
        base_model="tiny",
        data=(data,),
        name=name,
        max_steps=3,
        rewards=("hangul",),
        max_new_tokens=8,
        max_tokens=512,
        unended_reward=None,
    )

    run = RunFolder(train(small, home, device="cpu"))

    status, manifest, report = run.status(), run.read("manifest.json"), run.read("report.json")
    assert status is not None and (status.state, status.step) == (TrainingState.DONE, 3)
    assert manifest is not None and report is not None
    assert manifest["base"]["format"] == "alpaca-ko" and manifest["settings"]["batch"] == 24
    assert sum(manifest["rows"].values()) == manifest["data"][0]["rows"] == len(FACTS)
    figures = [metric.figures for metric in run.metrics()]
    assert all(math.isfinite(each["reward"]) and math.isfinite(each["value_loss"]) for each in figures)
    assert figures[0]["kl"] == 0.0 and figures[-1]["kl"] != 0.0
    assert {"reward_before", "reward_after"} <= report["held_out"].keys()
    assert load_registry(home / "models").models[report["model_id"]].adapter is not None
