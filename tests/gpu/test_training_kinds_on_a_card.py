"""Every kind of chat tuning learns on a real card by its demo recipe, and a reward model scores there.

Run: python -m pytest -m gpu tests/gpu/test_training_kinds_on_a_card.py
"""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from engines.base import SCORES
from finetune.data import read_pairs
from finetune.examples import PreferencePair
from finetune.kinds import KINDS, train
from finetune.recipes import load_recipe
from finetune.run_folder import RunFolder
from model_registry.registry import load_registry
from tests.engines.running_engine import answer_of, open_engine, request

DEVICE = "cuda:0"
BASE = "demo-koalpaca"
QUESTION = "수도는 어디인가요?"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def learned(kind: str, home: Path, recipe: str = "", **changes: Any) -> tuple[RunFolder, dict[str, Any]]:
    for package in ("trl", "datasets"):
        pytest.importorskip(package)
    settings = {**load_recipe(recipe or f"demo-{kind}").settings, **changes, "name": kind}
    known = {field.name for field in fields(KINDS[kind].settings)}
    made = KINDS[kind].settings(**{name: value for name, value in settings.items() if name in known})
    run = RunFolder(train(made, home, device=DEVICE))
    manifest, report = run.read("manifest.json"), run.read("report.json")
    assert manifest is not None and report is not None
    assert manifest["device"] == DEVICE.partition(":")[0]
    return run, report


@pytest.mark.parametrize("kind", ["ppo", "grpo", "rloo"])
def test_a_toy_learns_by_a_rule_on_a_card(kind: str, tmp_path: Path) -> None:
    run, report = learned(kind, tmp_path, max_steps=10, learning_rate=4e-3, max_new_tokens=32)
    rewards = [metric.figures["reward"] for metric in run.metrics()]
    assert report["learned"] is True and 0 < report["kl"] <= 20
    assert sum(rewards[-3:]) / 3 > sum(rewards[:2]) / 2 + 0.1
    assert all((metric.memory_bytes or 0) > 0 for metric in run.metrics())


def judged(folder: Path) -> dict[str, Any]:
    """The recipe's pairs as single answers, good and bad, and no setting that this kind does not know."""
    pairs = read_pairs(load_recipe("demo-dpo").with_defaults().data).rows
    lines = [
        json.dumps({"prompt": question(pair), "completion": text, "label": good}, ensure_ascii=False)
        for pair in pairs
        for text, good in ((pair.chosen, True), (pair.rejected, False))
    ]
    (folder / "judged.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return {"data": [str(folder / "judged.jsonl")]}


def question(pair: PreferencePair) -> str:
    return pair.conversation.turns[-1].question


@pytest.mark.parametrize("kind", ["dpo", "kto"])
def test_a_toy_learns_from_pairs_on_a_card(kind: str, tmp_path: Path) -> None:
    run, report = learned(kind, tmp_path, "demo-dpo", **({} if kind == "dpo" else judged(tmp_path)))
    assert report["learned"] is True, report.get("why")
    models = load_registry(tmp_path / "models").models
    with open_engine({name: models[name] for name in (BASE, report["model_id"])}, DEVICE) as running:
        texts = {
            name: running.answer(name, QUESTION, max_new_tokens=32, temperature=0.0).text
            for name in (BASE, report["model_id"])
        }
    assert len(set(texts.values())) == 2


def test_a_reward_model_learns_scores_and_leads_ppo_on_a_card(tmp_path: Path) -> None:
    _, report = learned("reward", tmp_path)
    assert report["held_out"]["accuracy"] >= 0.9
    models = load_registry(tmp_path / "models").models
    with open_engine({name: models[name] for name in (BASE, "reward")}, DEVICE) as running:
        asked = replace(request("reward", QUESTION), choices=("서울이야.", "서울입니다."))
        scores = answer_of(running.submit(asked)).extras[SCORES]
    assert isinstance(scores, dict) and set(scores) == {"서울이야.", "서울입니다."}
    assert len(set(scores.values())) == 2
    run, led = learned("ppo", tmp_path, rewards=["model=reward"], max_steps=3, max_new_tokens=32)
    assert led["kind"] == "ppo" and len(run.metrics()) == 3
