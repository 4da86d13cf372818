"""The command line that a training's settings are shown as, read back by the parser of what people type.

Run: python -m pytest tests/finetune/test_settings_command.py
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from finetune import cli, cli_train
from finetune.jobs import all_recipes
from finetune.kinds import KINDS
from finetune.rl_settings import GrpoSettings
from finetune.run_settings import RunSettings
from finetune.settings_command import command_line
from tests.finetune.changed_settings import changed_settings_of


def parsed(line: str) -> RunSettings:
    python, module, name, *words = shlex.split(line)
    assert (python, module, name) == ("python", "-m", "finetune")
    return cli_train.settings_of(cli._parsed(words, Path("nowhere")))


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_of_a_kind_comes_back_from_the_command_line(kind: str) -> None:
    settings = changed_settings_of(KINDS[kind].settings)
    assert parsed(command_line(settings)) == settings


@pytest.mark.parametrize("recipe", all_recipes(), ids=lambda recipe: recipe.name)
def test_a_training_by_a_recipe_comes_back_from_the_command_line(recipe: Any) -> None:
    settings = recipe.with_defaults()
    named = replace(settings, name="once", resume=True)
    assert parsed(command_line(named)) == settings, "another run has another name"


@pytest.mark.parametrize("kind", KINDS)
def test_a_base_that_brings_a_recipe_brings_none_into_the_command(kind: str) -> None:
    settings = KINDS[kind].settings(base_model="demo-koalpaca", data=("a.jsonl",), micro_batch=1)
    line = command_line(settings)
    assert parsed(line) == settings
    assert len(shlex.split(line)) == 12, "what has its default is not said"


def test_what_can_be_none_is_said_where_the_default_is_a_number() -> None:
    settings = GrpoSettings(base_model="demo-chat", data=("a.jsonl",), unended_reward=None)
    assert parsed(command_line(settings)) == settings


def test_a_file_that_looks_like_an_option_is_named_as_a_file() -> None:
    settings = KINDS["sft"].settings(base_model="demo-chat", data=("-odd.jsonl",))
    assert parsed(command_line(settings)) == replace(settings, data=("./-odd.jsonl",))
