"""A tuned model's entry: what it takes from its base, ids that nobody has, licenses that promise nothing.

Run: python -m pytest tests/finetune/training/test_registering.py
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from finetune.base import Base, base_for
from finetune.registering import TrainingResult, register
from model_registry.registry import load_registry
from model_registry.spec import CommercialUse
from prompts.conversation import Conversation
from prompts.rendering import render
from tests.finetune.training.training_house import add_base

KULLM = {
    "description": "A person's own.",
    "prompt_no_input": "Q: {instruction}\nA:",
    "prompt_input": "Q: {instruction}\n{input}\nA:",
    "response_split": "A:",
}


def result_in(home: Path, **changes: Any) -> TrainingResult:
    result = TrainingResult(
        run="my-run",
        folder=home / "runs/my-run/adapter",
        is_adapter=True,
        learned=128,
        ends=(2,),
        data=("rows.jsonl",),
        notes="Tuned.",
    )
    return replace(result, **changes)


def base_of(name: str, home: Path, format: str | None = None) -> Base:
    return base_for(name, load_registry(home / "models"), format)


def test_an_adapter_takes_after_its_base(tmp_path: Path) -> None:
    name = register(result_in(tmp_path), base_of("demo-kullm", tmp_path), tmp_path)

    registry = load_registry(tmp_path / "models")
    spec, base = registry.models[name], registry.models["demo-kullm"]
    assert name == "my-run" and not registry.faults
    assert spec.adapter is not None and spec.adapter.base == "demo-kullm"
    assert spec.local.source == str(tmp_path / "runs/my-run/adapter")
    kept = (
        "family",
        "architecture",
        "context_length",
        "loading",
        "generation",
        "prompt_format",
        "stop_strings",
    )
    assert [spec.entry().get(field) for field in kept] == [base.entry().get(field) for field in kept]
    assert not spec.demo and spec.local.parameters == 128


def test_a_reward_model_is_one_in_its_entry(tmp_path: Path) -> None:
    name = register(result_in(tmp_path, task="reward"), base_of("demo-kullm", tmp_path), tmp_path)

    registry = load_registry(tmp_path / "models")
    assert list(registry.reward_models) == [name] and name not in registry.answerers


def test_a_home_that_is_moved_keeps_its_models(tmp_path: Path) -> None:
    home = tmp_path / "one"
    name = register(result_in(home), base_of("demo-kullm", home), home)

    home.rename(tmp_path / "two")

    spec = load_registry(tmp_path / "two/models").models[name]
    assert spec.local.source == str(tmp_path / "two/runs/my-run/adapter")


def test_a_result_has_one_entry_however_often_it_is_registered(tmp_path: Path) -> None:
    base = base_of("demo-kullm", tmp_path)

    assert register(result_in(tmp_path), base, tmp_path) == register(result_in(tmp_path), base, tmp_path)
    assert len(list((tmp_path / "models").iterdir())) == 1


@pytest.mark.parametrize(
    ("run", "wanted"),
    [
        ("demo-kullm", "demo-kullm-2"),
        ("나의 모델", "나의-모델"),
        ("ᄇ\u1161\u11ab말.V2", "반말.v2"),
        ("🎉", "tuned"),
        ("가" * 200, "가" * 72),
        ("A/../b", "a-..-b"),
        ("x" * 200, "x" * 72),
        ("con", "con"),
    ],
)
def test_an_id_is_safe_and_nobody_elses(tmp_path: Path, run: str, wanted: str) -> None:
    name = register(result_in(tmp_path, run=run), base_of("demo-kullm", tmp_path), tmp_path)

    assert name == wanted and name in load_registry(tmp_path / "models").models
    assert all(path.parent == tmp_path / "models" for path in tmp_path.rglob("*.toml"))


@pytest.mark.parametrize(
    ("data", "commercial"),
    [
        (("rows.jsonl",), CommercialUse.UNCLEAR),
        (("nlpai-lab/kullm-v2",), CommercialUse.YES),
        (("nlpai-lab/kullm-v2", "ko_alpaca_data.json"), CommercialUse.NO),
    ],
)
def test_a_license_promises_no_more_than_base_and_data_do(
    tmp_path: Path, data: tuple[str, ...], commercial: CommercialUse
) -> None:
    name = register(result_in(tmp_path, data=data), base_of("demo-kullm", tmp_path), tmp_path)

    license = load_registry(tmp_path / "models").models[name].license
    assert license.commercial is commercial and all(file in license.note for file in data)


def test_a_base_without_an_entry_gets_one(tmp_path: Path, tiny_folder: Path) -> None:
    base = base_of(str(tiny_folder), tmp_path, "koalpaca")
    assert not base.registered

    name = register(result_in(tmp_path), base, tmp_path)

    registry = load_registry(tmp_path / "models")
    spec = registry.models[name]
    assert registry.base_of(spec).local.source == str(tiny_folder.resolve())
    assert registry.format_of(registry.base_of(spec)).id == "koalpaca" == spec.prompt_format


def test_a_model_of_its_own_needs_no_base(tmp_path: Path, tiny_folder: Path) -> None:
    base = base_of(str(tiny_folder), tmp_path, "koalpaca")

    name = register(result_in(tmp_path, is_adapter=False, learned=10**6), base, tmp_path)

    assert list(load_registry(tmp_path / "models").models).count(name) == 1
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["my-run.toml"]


def test_a_format_of_a_persons_own_is_found_again(tmp_path: Path, tiny_folder: Path) -> None:
    home = tmp_path / "home"
    add_base(home, tiny_folder, "gpt_neox", prompt_format="./mine.json")
    (home / "models/mine.json").write_text(json.dumps(KULLM), encoding="utf-8")

    name = register(result_in(home), base_of("tiny", home), home)

    registry = load_registry(home / "models")
    assert not registry.faults
    format = registry.format_of(registry.models[name])
    assert render(format, Conversation.ask("?")).text == "Q: ?\nA:"
