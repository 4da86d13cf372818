"""Recipes: every file that ships parses, says where it comes from, and has the published values; bad ones are
refused by file and key.

Run: python -m pytest tests/finetune/test_recipes.py
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from errors import BadEntry, UnknownName
from finetune.data import read_examples
from finetune.kinds import KINDS
from finetune.recipes import load_recipe, recipe_names, recipe_of_base
from model_registry.registry import load_registry

ROOT = Path(__file__).parents[2]
NAMES = recipe_names()
REGISTRY = load_registry()
WANTED = {
    "kullm-lora",
    "ko-gpts",
    "koalpaca-lora",
    "koalpaca-full",
    "koalpaca-qlora",
    "llm-lab-polyglot-12.8b",
    "korani-qlora-deepspeed",
    "koalpaca-korwkv",
    "demo",
    "demo-dpo",
    "demo-kto",
    "kochatgpt-rm",
    "kochatgpt-ppo",
    "chatkoalpaca-rm",
    "chatkoalpaca-ppo",
    "demo-reward",
    "demo-grpo",
    "demo-rloo",
    "demo-ppo",
}
OF_TOYS = {name for name in WANTED if name.startswith("demo")}
PUBLISHED: dict[str, dict[str, Any]] = {
    "kullm-lora": {
        "method": "int8-lora",
        "lora_r": 8,
        "lora_alpha": 16,
        "lora_targets": ("query_key_value",),
        "learning_rate": 3e-4,
        "batch": 128,
        "micro_batch": 4,
        "max_tokens": 512,
        "schedule": "linear",
        "warmup": 100,
        "epochs": 8,
        "format": "kullm",
        "measure_steps": 200,
        "keep": "best",
    },
    "ko-gpts": {"lora_r": 8, "lora_alpha": 16, "batch": 4, "micro_batch": 2, "epochs": 5, "warmup": 200},
    "koalpaca-lora": {
        "lora_targets": ("q_proj", "v_proj"),
        "batch": 128,
        "max_tokens": 256,
        "epochs": 3,
        "holdout": 0.0197,
        "measure_steps": 200,
        "keep": "best",
    },
    "koalpaca-full": {"method": "full", "learning_rate": 5e-5, "batch": 256, "distributed": "zero3"},
    "koalpaca-qlora": {"method": "qlora", "lora_r": 8, "lora_alpha": 32, "learning_rate": 1e-4, "batch": 2},
    "llm-lab-polyglot-12.8b": {
        "format": "llmlab-unindented",
        "method": "qlora",
        "learning_rate": 5e-4,
        "weight_decay": 0.05,
        "warmup": 0.1,
        "epochs": 4,
        "batch": 16,
        "max_tokens": 1024,
        "seed": 777,
        "learn_prompts": False,
    },
    "korani-qlora-deepspeed": {
        "base_model": "polyglot-ko-5.8b",
        "method": "qlora",
        "lora_r": 8,
        "lora_alpha": 32,
        "learning_rate": 1e-4,
        "batch": 16,
        "max_tokens": 256,
        "adam_betas": (0.9, 0.99),
        "gradient_checkpointing": True,
    },
    "kochatgpt-rm": {"kind": "reward", "epochs": 3, "batch": 4, "max_tokens": 512, "seed": 230319},
    "chatkoalpaca-rm": {
        "kind": "reward",
        "base_model": "polyglot-ko-1.3b",
        "epochs": 3,
        "batch": 1,
        "max_tokens": 512,
    },
    "kochatgpt-ppo": {
        "kind": "ppo",
        "batch": 24,
        "micro_batch": 8,
        "passes": 1,
        "group": 1,
        "kl": 0.1,
        "clip": 0.2,
        "value_clip": 0.4,
        "temperature": 1.0,
        "max_tokens": 96 + 96,
    },
    "chatkoalpaca-ppo": {
        "kind": "ppo",
        "base_model": "polyglot-ko-1.3b",
        "batch": 24,
        "kl": 0.1,
        "clip": 0.2,
        "value_clip": 0.4,
        "temperature": 1.0,
        "max_tokens": 256 + 128,
    },
    "koalpaca-korwkv": {"method": "full", "optimizer": "adafactor", "batching": "by-length", "batch": 8},
}


def test_every_recipe_that_is_promised_ships() -> None:
    assert set(NAMES) == WANTED


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_parses_and_says_where_it_comes_from(name: str) -> None:
    recipe = load_recipe(name)
    settings = recipe.with_defaults()
    assert type(settings) is KINDS[recipe.kind].settings
    assert recipe.title and recipe.reproduces and recipe.notes and recipe.references
    assert settings.base_model in REGISTRY.models or settings.base_model.count("/") == 1
    assert settings.format is None or settings.format in REGISTRY.formats
    assert set(recipe.bases) <= set(REGISTRY.models)
    assert "xxx" not in settings.lora_targets


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_recipe_has_the_published_values(name: str) -> None:
    settings = load_recipe(name).with_defaults()
    assert {key: getattr(settings, key) for key in PUBLISHED[name]} == PUBLISHED[name]


@pytest.mark.parametrize("name", sorted(WANTED - OF_TOYS - {"llm-lab-polyglot-12.8b"}))
def test_notes_say_what_becomes_of_the_end_token_and_of_packing(name: str) -> None:
    notes = load_recipe(name).notes
    assert "end token" in notes
    assert "block" in notes or "like length" in notes


DEVIATIONS = {
    "koalpaca-lora": ["2,000 rows are held out", "every 200 steps", "best weights"],
    "koalpaca-qlora": ["198,711", "21,155", "kyujinpy/KOpen-platypus"],
    "llm-lab-polyglot-12.8b": ["70,775", "v1.0 alone", "LLaMA-2 sibling"],
    "korani-qlora-deepspeed": ["90 %", "80 % (84,456 texts)", "--holdout 0.2"],
    "kullm-lora": ["torch.compile"],
    "kochatgpt-rm": ["100 of 30,660", "KoGPT-2", "no question stands on both sides", "held-out accuracy"],
    "chatkoalpaca-rm": ["100 of 30,660", "HybridAdam", "mean over all positions"],
    "kochatgpt-ppo": ["nothing was learned", "RM.pt", "top_k 50", "-1"],
    "chatkoalpaca-ppo": ["actor_loss=0", "RM.pt", "top_p 0.9", "left none"],
}


@pytest.mark.parametrize("name", DEVIATIONS)
def test_notes_say_how_much_was_learned_and_what_was_left_out(name: str) -> None:
    notes = load_recipe(name).notes
    assert [said for said in DEVIATIONS[name] if said not in notes] == []


def test_what_is_from_memory_is_marked() -> None:
    references = [each for name in NAMES for each in load_recipe(name).references]
    assert not [each for each in references if "from memory" in each.where and each.sure]


def test_a_base_brings_one_recipe_of_a_kind_along_at_most() -> None:
    recipes = map(load_recipe, NAMES)
    brought = [(recipe.kind, base) for recipe in recipes for base in recipe.bases]
    assert len(brought) == len(set(brought))
    found = recipe_of_base("demo-koalpaca")
    assert found is not None and found.name == "demo"
    assert recipe_of_base("polyglot-ko-5.8b") is None


def test_the_rows_of_the_demo_lie_beside_it_and_can_be_read() -> None:
    (source,) = load_recipe("demo").settings["data"]
    rows = read_examples([source]).rows
    assert len(rows) > 200
    assert all(row.conversation.turns[0].answer for row in rows)


def test_an_unknown_recipe_is_answered_with_near_names() -> None:
    with pytest.raises(UnknownName, match="Did you mean kullm-lora"):
        load_recipe("kulm-lora")


HEAD = 'title = "t"\nreproduces = "r"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            HEAD + "[settings]\nlora_rank = 8",
            r"bad.toml, key 'settings.lora_rank': unknown key; did you mean",
        ),
        (HEAD + "[settings]\nepochs = '3'", r"key 'settings.epochs'.*number"),
        (HEAD + "[settings]\nmethod = 'dora'", r"key 'settings.method'"),
        (HEAD + "[settings]\nlora_r = 0", r"lora_r must lie between"),
        (HEAD + "[settings]\nmax_steps = 0", r"max_steps must lie between"),
        (HEAD + "[settings]\ncheckpoint_steps = 0", r"checkpoint_steps must lie between"),
        (HEAD + "[settings]\nbatch = 6\nmicro_batch = 4", r"multiple of micro_batch"),
        (HEAD + "nots = 'n'\n[settings]\n", r"key 'nots'"),
        ("title = 't'\n[settings]\n", r"key 'reproduces'"),
        ("title = ", r"bad.toml cannot be read"),
    ],
)
def test_a_bad_recipe_is_refused_by_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bad.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadEntry, match=said):
        load_recipe("bad", tmp_path)


def test_lists_become_tuples_and_files_beside_the_recipe_are_found(tmp_path: Path) -> None:
    text = HEAD + '[settings]\nepochs = 2\ndata = ["./rows.jsonl", "owner/rows"]\nlora_targets = ["dense"]'
    (tmp_path / "good.toml").write_text(text, encoding="utf-8")
    settings = load_recipe("good", tmp_path).settings
    assert settings["data"] == (str(tmp_path / "rows.jsonl"), "owner/rows")
    assert settings["lora_targets"] == ("dense",)
    assert settings["epochs"] == 2


def test_recipes_and_settings_are_read_without_torch() -> None:
    code = "import finetune.recipes, sys; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
