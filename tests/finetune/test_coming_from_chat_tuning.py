"""docs/coming-from.md, the later steps: reward models, DPO and PPO of other projects in one line each.

Run: python -m pytest tests/finetune/test_coming_from_chat_tuning.py
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from finetune.cli_train import settings_of
from finetune.data.readers import READERS
from finetune.kinds import KINDS
from finetune.recipes import load_recipe
from model_registry.registry import load_registry
from tests.finetune.coming_from_lines import CHAT, parsed, values_of
from tests.finetune.coming_from_page import FACTS, FILES, PAGE, options_of, typed
from tests.finetune.data.data_files import written

PAGE_TEXT = PAGE.read_text(encoding="utf-8")
REGISTRY = load_registry()


@pytest.fixture(autouse=True)
def at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder that holds the files which the lines name."""
    for name, content in FILES.items():
        written(tmp_path, name, content)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("text", CHAT)
def test_a_later_step_is_what_its_line_and_recipe_say(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, words = CHAT[text]
    settings = settings_of(parsed([kind, *words], monkeypatch))
    (recipe,) = options_of(words)["recipe"]
    begun = KINDS[kind].settings() if recipe == "none" else load_recipe(recipe).with_defaults()
    assert settings == replace(begun, **values_of(words, kind))
    assert settings.base_model in REGISTRY.models or f"--name {settings.base_model}`" in PAGE_TEXT
    assert len(READERS[settings.reads](settings.data).rows) >= len(FACTS)
    runs = [reward.removeprefix("model=") for reward in getattr(settings, "rewards", ())]
    assert all(f"--name {run}`" in PAGE_TEXT for run in runs)


def test_answers_are_scored_by_a_reward_model_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    (words,) = typed("python", "-m", "finetune", "score").values()
    options = parsed(["score", *words], monkeypatch)
    assert {name: (getattr(options, name),) for name in options_of(words)} == options_of(words)
    assert f"--name {options.model}`" in PAGE_TEXT
