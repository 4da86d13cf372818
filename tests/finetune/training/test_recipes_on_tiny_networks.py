"""Every recipe really trains: three steps on a tiny network of its architecture, rows shaped as its data is.
What comes of it is the recipe's: method, layers, format, and which tokens are learned.

Run: python -m pytest tests/finetune/training/test_recipes_on_tiny_networks.py
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from finetune.recipes import load_recipe, recipe_names
from finetune.run_folder import RunFolder, TrainingState, safe_name
from finetune.sft_settings import SftSettings
from finetune.training import preparing, sft
from finetune.training.preparing import Prepared
from model_registry.registry import load_registry
from tests.engines.tiny_models import Kind, make_tiny_model
from tests.finetune.data.data_files import array, lines, written
from tests.finetune.training.training_house import add_base

pytestmark = pytest.mark.usefixtures("few_questions")

REGISTRY = load_registry()
FACTS = [(f"{number}?", f"{number}") for number in range(16)]
"""Short, because every training asks some of them; 8 are held out."""
ALPACA = [{"instruction": question, "input": "", "output": answer} for question, answer in FACTS]
PUBLISHED_SHAPES = {
    "nlpai-lab/kullm-v2": lines(*({"id": f"alpaca_{n}", **row} for n, row in enumerate(ALPACA))),
    "beomi/KoAlpaca-v1.1a": lines(*({"instruction": q, "output": a, "url": ""} for q, a in FACTS)),
    "junelee/sharegpt_deepl_ko": array(
        *(
            {
                "id": str(number),
                "conversations": [
                    {"from": side, "value": value, "markdown": None, "text": None}
                    for side, value in (("human", f"돌 {question}"), ("gpt", answer))
                ],
            }
            for number, (question, answer) in enumerate(FACTS)
        )
    ),
    "ko_alpaca_data.json": array(*ALPACA),
    "data.jsonl": lines(*ALPACA),
}
NAMED_BY_A_PERSON = {
    "ko-gpts": "data.jsonl",
    "koalpaca-lora": "ko_alpaca_data.json",
    "llm-lab-polyglot-12.8b": "ko_alpaca_data.json",
}
NOT_HERE: dict[str, dict[str, Any]] = {
    "optimizer": {"adamw-8bit": "adamw"},
    "distributed": {"zero2": "none", "zero3": "none"},
}
"""What only a GPU, or several processes, have; everything else of a recipe stays but base, data and sizes."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("recipes")
    kinds: tuple[Kind, ...] = ("gpt_neox", "llama", "rwkv")
    for kind in kinds:
        # Wide enough for nf4 on a processor.
        folder = make_tiny_model(home / "bases" / kind, kind, hidden=64)
        add_base(home, folder, kind, f"tiny-{kind}", base_model=True)
    return home


SUPERVISED = [name for name in recipe_names() if load_recipe(name).kind == SftSettings.kind]


@pytest.mark.parametrize("name", SUPERVISED)
def test_a_recipe_makes_three_steps_and_registers_what_came_of_it(
    name: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = load_recipe(name).with_defaults()
    assert isinstance(recipe, SftSettings)
    kept: list[Prepared] = []
    monkeypatch.setattr(sft, "prepare", partial(_kept, kept))

    run = RunFolder(sft.train(_in_small(name, recipe, tmp_path), home, device="cpu"))

    status, manifest, report = run.status(), run.read("manifest.json"), run.read("report.json")
    assert status is not None and (status.state, status.step) == (TrainingState.DONE, 3)
    losses = [metric.loss for metric in run.metrics()]
    assert len(losses) == 3 and all(loss is not None and math.isfinite(loss) and loss > 0 for loss in losses)
    assert manifest is not None and report is not None
    assert manifest["base"]["format"] == (recipe.format or "koalpaca")
    assert tuple(manifest["targets"]) == (recipe.lora_targets or _suitable(recipe))
    assert bool(getattr(kept[0].learner.loaded.model, "is_quantized", False)) is (
        recipe.method in ("qlora", "int8-lora")
    )
    assert kept[0].batches.batching == recipe.batching
    _assert_learned(kept[0], recipe.learn_prompts)
    tuned = load_registry(home / "models").models[report["model_id"]]
    assert (tuned.adapter is None) is (recipe.method == "full")
    assert Path(tuned.local.source) == (run.model if recipe.method == "full" else run.adapter)


def _in_small(name: str, recipe: SftSettings, folder: Path) -> SftSettings:
    changes: dict[str, Any] = {
        setting: instead[getattr(recipe, setting)]
        for setting, instead in NOT_HERE.items()
        if getattr(recipe, setting) in instead
    }
    if recipe.base_model != "demo-koalpaca":
        named = recipe.data or (NAMED_BY_A_PERSON[name],)
        data = [written(folder, data.rpartition("/")[2], PUBLISHED_SHAPES[data]) for data in named]
        changes |= {"base_model": f"tiny-{_architecture(recipe)}", "data": tuple(data)}
    micro = min(recipe.micro_batch, 2)
    return replace(recipe, **changes, name=safe_name(name), max_steps=3, batch=2 * micro, micro_batch=micro)


def _architecture(recipe: SftSettings) -> str:
    spec = REGISTRY.models.get(recipe.base_model)
    return spec.local.architecture.value if spec else {"beomi/KoRWKV-6B": "rwkv"}[recipe.base_model]


def _suitable(recipe: SftSettings) -> tuple[str, ...]:
    return () if recipe.method == "full" else ("query_key_value",)


def _kept(kept: list[Prepared], *given: Any) -> Prepared:
    kept.append(preparing.prepare(*given))
    return kept[-1]


def _assert_learned(prepared: Prepared, prompts_too: bool) -> None:
    """The end token always; the question only where the recipe says so."""
    tokenizer = prepared.learner.loaded.tokenizer
    learned_from = prepared.rows.learned
    answers = {example.source: example.conversation.turns[-1].answer or "" for example in learned_from}
    rows = [row for block in prepared.batches.blocks for row in block.rows]
    assert len(rows) == len(learned_from)
    for row in rows:
        learned = [id for id, is_learned in zip(row.ids, row.learned, strict=True) if is_learned]
        if prompts_too:
            assert learned == list(row.ids[1:])
        assert tokenizer.decode(row.ids).endswith(answers[row.source] + prepared.end)
        if not prompts_too:
            assert tokenizer.decode(learned).lstrip() == answers[row.source] + prepared.end
