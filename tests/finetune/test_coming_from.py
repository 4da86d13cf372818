"""docs/coming-from.md: every line of its `here` columns runs, every setting arrives, no cell is empty.

Every line goes through the real command line. What would need a large model is then done with a small one: by
each method one line trains one step, and questions go to a scripted engine under the real registry's rules.

Run: python -m pytest tests/finetune/test_coming_from.py
"""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import torch
from accelerate.commands.launch import launch_command_parser

import comparison.terminal.cli as comparison_command
import finetune.cli as finetune_command
import prompts.cli as prompts_command
from comparison.terminal.wiring import ModelFacts, Wiring, wire
from finetune import cli_data, cli_merge, cli_train, merge_proof
from finetune.base import base_for
from finetune.cli_train import Sft, settings_of
from finetune.distributed import ranks
from finetune.kinds import KINDS as TRAINING_KINDS
from finetune.recipes import load_recipe
from finetune.run_folder import RunFolder, TrainingState
from finetune.run_settings import Method
from finetune.sft_settings import SftSettings
from finetune.training import preparing
from model_registry.registry import load_registry
from tests.engines.scripted_engine import ScriptedEngine
from tests.engines.tiny_models import Kind, make_tiny_model
from tests.finetune.coming_from_lines import CHAT, CHAT_KINDS, parsed, values_of
from tests.finetune.coming_from_page import (
    COLUMNS,
    FILES,
    HUB,
    ROWS,
    TYPED,
    options_of,
    typed,
)
from tests.finetune.data.data_files import written
from tests.finetune.training.training_house import add_base

ROOT = Path(__file__).parents[2]
REGISTRY = load_registry()
KINDS: tuple[Kind, ...] = ("gpt_neox", "llama", "rwkv")
OUTSIDE = {"beomi/KoRWKV-6B": "rwkv", "meta-llama/Llama-2-7b-hf": "llama"}
"""Bases that the registry does not hold, by their architecture."""
PROJECTS = {
    "ko-gpts": 15,
    "KULLM": 50,
    "KoAlpaca": 40,
    "KoChatGPT": 40,
    "chatKoAlpaca": 10,
    "LLM-Lab": 30,
    "KoRani": 25,
}
"""With how many rows each has at least."""

TRAININGS = typed("python", "-m", "finetune", "sft")
LAUNCHED = {text: words[words.index("sft") + 1 :] for text, words in typed("accelerate", "launch").items()}
SETTINGS = {text: ("sft", text.split()) for text in TYPED if text.startswith("--")}
SETTINGS |= {text: (kind, words) for kind in CHAT_KINDS for text, words in typed(kind).items()}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a small base of each architecture, wide enough for nf4 on a processor."""
    home = tmp_path_factory.mktemp("coming")
    for kind in KINDS:
        folder = make_tiny_model(home / "bases" / kind, kind, hidden=64)
        add_base(home, folder, kind, f"tiny-{kind}", base_model=True)
    return home


@pytest.fixture(scope="module", autouse=True)
def light_collector() -> Iterator[None]:
    """A training collects garbage several times, which each time would walk all of torch and trl."""
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def at_work(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder that holds the files which the lines name."""
    for name, content in FILES.items():
        written(tmp_path, name, content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NARANI_HOME", str(home))


def architecture(base_model: str) -> str:
    if base_model in OUTSIDE:
        return OUTSIDE[base_model]
    return REGISTRY.get(base_model).local.architecture.value


def test_every_row_says_what_is_there_what_is_here_and_what_differs() -> None:
    for row in ROWS:
        assert len(row.cells) == len(COLUMNS) and row.cells[0] and row.here, row
        if row.ticked:
            assert re.sub(r"`[^`]+`", "", row.here).strip(" ,") == "", row.here
        else:
            assert re.match(r"(nothing to set|not here|not here yet): .{15}", row.here), row.here


def test_every_project_has_its_rows() -> None:
    counted = {name: sum(row.section == name for row in ROWS) for name in PROJECTS}
    assert {row.section for row in ROWS} == set(PROJECTS)
    assert all(counted[name] >= least for name, least in PROJECTS.items()), counted


def test_nothing_that_is_typed_is_left_out() -> None:
    known = [*TRAININGS, *LAUNCHED, *CHAT, *SETTINGS]
    # Lines that search are run by tests/search/test_coming_from_chat_korani.py.
    for words in ("python -m comparison", "python -m prompts", "python -m search", "streamlit run"):
        known += typed(*words.split())
    for command in ("data", "merge", "plan", "runs", "score"):
        known += typed("python", "-m", "finetune", command)
    assert set(known) == set(TYPED)


@pytest.mark.parametrize("text", SETTINGS)
def test_a_setting_arrives(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, words = SETTINGS[text]
    options = parsed([kind, "--recipe", "none", *words], monkeypatch)
    assert settings_of(options) == replace(TRAINING_KINDS[kind].settings(), **values_of(words, kind))


@pytest.mark.parametrize("text", [*TRAININGS, *LAUNCHED])
def test_a_training_is_what_its_line_and_recipe_say(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = {**TRAININGS, **LAUNCHED}[text]
    settings = settings_of(parsed(["sft", *words], monkeypatch))
    (recipe,) = options_of(words)["recipe"]
    begun = SftSettings() if recipe == "none" else load_recipe(recipe).with_defaults()
    assert settings == replace(begun, **values_of(words))
    assert (settings.distributed != "none") is (text in LAUNCHED)
    if settings.base_model not in OUTSIDE:
        assert base_for(settings.base_model, REGISTRY, settings.format).registered
    assert settings.data and set(settings.data) <= {*FILES, *HUB}


@pytest.mark.parametrize("text", LAUNCHED)
def test_a_launched_line_can_be_shared(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    launched = launch_command_parser().parse_args(typed("accelerate", "launch")[text])
    assert (launched.module, launched.training_script) == (True, "finetune")
    assert launched.training_script_args == ["sft", *LAUNCHED[text]]
    # DeepSpeed is where there are cards.
    monkeypatch.setattr(ranks, "find_spec", lambda name: True)
    options = parsed(launched.training_script_args, monkeypatch)
    ranks.refuse_for(settings_of(options), launched.num_processes)


@pytest.mark.parametrize("method", get_args(Method))
def test_a_line_of_each_method_really_trains(
    method: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = next(
        found
        for words in TRAININGS.values()
        if (found := parsed(["sft", *words], monkeypatch)).method == method
    )
    for asked in ("_ASKED", "_ASKED_OF_LEARNED"):
        monkeypatch.setattr(preparing, asked, 1)
    assert cli_train.run(_in_small(options), home) == 0
    run = RunFolder(home / "runs" / f"small-{method}")
    status = run.status()
    assert status is not None and (status.state, status.step) == (TrainingState.DONE, 1)
    assert (run.model if method == "full" else run.adapter).is_dir()


def _in_small(options: Sft) -> Sft:
    """The same training of a small network: only what needs a card, or time, is another."""
    micro = min(options.micro_batch, 2)
    return replace(
        options,
        base_model=f"tiny-{architecture(options.base_model)}",
        format=options.format or "koalpaca",
        data=tuple(HUB.get(name, name) for name in options.data),
        name=f"small-{options.method}",
        optimizer="adafactor" if options.optimizer == "adafactor" else "adamw",
        batch=2 * micro,
        micro_batch=micro,
        max_steps=1,
    )


def test_data_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    found = typed("python", "-m", "finetune", "data")
    assert len(found) >= 5
    for text, words in found.items():
        options = parsed(["data", *words], monkeypatch)
        assert isinstance(options, cli_data.Data) and words[: len(options.files)] == list(options.files)
        for name, said in options_of(words[len(options.files) :]).items():
            assert [str(getattr(options, name))] == list(said), text
        base = options.base_model and f"tiny-{architecture(options.base_model)}"
        assert cli_data.run(replace(options, base_model=base)) == 0, text


def test_plans_and_runs_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    for text, words in typed("python", "-m", "finetune", "plan").items():
        assert finetune_command.main(["plan", *words]) in (0, 1), text
        assert "peak" in capsys.readouterr().out
    (words,) = typed("python", "-m", "finetune", "runs").values()
    assert finetune_command.main(["runs", *words]) == 0


def test_a_merge_writes_a_model(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = merge_proof.merge_questions()[:4]
    monkeypatch.setattr(merge_proof, "merge_questions", lambda: questions)
    found = {
        text: parsed(["merge", *words], monkeypatch)
        for text, words in typed("python", "-m", "finetune", "merge").items()
    }
    assert len(found) >= 3 and all(options.adapter.startswith("my-") for options in found.values())
    fullest = max(found, key=len)
    small = replace(found[fullest], adapter="demo-kullm-banmal", out=tmp_path / "merged")
    assert cli_merge.run(small, home) == 0
    assert (small.out / "model.safetensors").is_file()


def test_questions_are_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """The ids, formats, quantizations and options are held against the real registry; a script answers."""
    found = typed("python", "-m", "comparison")
    assert len(found) > 15
    for text, words in found.items():
        assert comparison_command.main(words, wiring=_scripted) == 0, (text, capsys.readouterr().err)
    assert Path("answers.csv").is_file()


def _scripted() -> Wiring:
    real = wire()
    named = {name: ModelFacts("koalpaca") for text in TYPED for name in re.findall(r"\bmy-[\w-]+", text)}
    return replace(real, models={**real.models, **named}, build_engine=ScriptedEngine)


def test_prompts_are_rendered(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = typed("python", "-m", "prompts")
    assert found
    for words in found.values():
        monkeypatch.setattr(sys, "argv", ["prompts", *words])
        assert prompts_command.main() == 0
        turn = "### User\n" if words[2].startswith("korani") else "### 명령어:"
        assert turn in capsys.readouterr().out


def test_the_page_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from streamlit.testing.v1 import AppTest

    from tests.app.opened_pages import open_services

    # A page leaves itself behind as the main module.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    ((program,),) = typed("streamlit", "run").values()
    with open_services(monkeypatch, tmp_path):
        app = AppTest.from_file(str(ROOT / program), default_timeout=30)
        app.session_state["owner_browser_key"] = "o" * 43
        assert not app.run().exception
