"""What `python -m finetune` prints can be followed and read: a run goes on by its name alone, tables keep
to a narrow terminal, the last words of a training are true.

Run: python -m pytest tests/finetune/test_commands_as_printed.py
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

from finetune import cli_train, kinds
from finetune.cli import main
from finetune.kinds import recorded
from finetune.recipes import load_recipe
from finetune.run_folder import RunFolder, TrainingState, TrainingStatus, now
from finetune.run_settings import RunSettings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NARANI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "home"


def test_a_run_goes_on_by_its_name_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[RunSettings] = []

    def remember(settings: RunSettings, *rest: object, **more: object) -> int:
        asked.append(settings)
        return 0

    monkeypatch.setattr(cli_train, "run_training", remember)
    begun = replace(load_recipe("demo-ppo").with_defaults(), name="begun", seed=7)
    run = RunFolder(home / "runs/begun")
    run.path.mkdir(parents=True)
    run.write("manifest.json", {"started": now(), **recorded(begun)})
    run.set_status(TrainingStatus(TrainingState.STOPPED))

    assert main(["ppo", "--name", "begun", "--resume", "--micro-batch", "16"]) == 0
    assert asked == [replace(begun, resume=True, micro_batch=16)]
    assert main(["dpo", "--name", "begun", "--resume"]) == 2
    assert capsys.readouterr().err == (
        "The run 'begun' is one of `ppo`, not of `dpo`. It goes on with `python -m finetune ppo --name begun "
        "--resume`.\n"
    )


@pytest.mark.parametrize(
    ("report", "said"),
    [({"learned": False, "why": "The reward has not risen."}, True), ({"learned": True}, False), ({}, False)],
)
def test_the_last_words_say_where_nothing_was_learned(
    report: dict[str, object],
    said: bool,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = RunFolder(home / "runs/first")

    def trained(*settings: object, **listeners: object) -> Path:
        run.path.mkdir(parents=True, exist_ok=True)
        run.write("report.json", {"model_id": "first", **report})
        return run.path

    monkeypatch.setattr(kinds, "train", trained)
    assert main(["sft", "--recipe", "demo", "--name", "first", "--now"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert ("Nothing was learned. The reward has not risen." in lines) is said
    assert f"Done. The run: {run.path}" in lines


def test_a_plan_is_of_the_kind_that_its_recipe_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--recipe", "demo-ppo"]) == 0
    assert "24 steps: 214 rows, 64 a step, 7.18 epochs" in capsys.readouterr().out


@pytest.mark.parametrize("columns", [44, 60, 120])
@pytest.mark.parametrize("command", ["plan --recipe demo-ppo", "recipes", "rewards", "runs"])
def test_tables_can_be_read_in_a_narrow_terminal(
    command: str,
    columns: int,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = RunFolder(home / "runs/a-run-with-a-name")
    run.path.mkdir(parents=True)
    run.write("manifest.json", {"started": now(), **recorded(load_recipe("demo").with_defaults())})
    run.set_status(TrainingStatus(TrainingState.STOPPED, 12, 80, started=now()))
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    assert main(command.split()) == 0
    told = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", capsys.readouterr().out).splitlines()
    rule = next(at for at, line in enumerate(told) if set(line.strip()) == {"─"})
    below = told[rule + 1 :]
    shown = [line.split() for line in below[: next(at for at, line in enumerate(below) if not line.strip())]]
    assert all(cell_len(line) <= columns for line in told[: rule + 1 + len(shown)])
    assert not any("…" in line for line in told)
    wanted = {
        "plan --recipe demo-ppo": {"lora", "qlora", "int8-lora", "GB", "yes"},
        "recipes": {"korani-qlora-deepspeed", "ppo", "PPO"},
        "rewards": {"level=familiar|polite", "no-loop"},
        "runs": {"a-run-with-a-name", "stopped"},
    }
    assert wanted[command] <= {word for line in shown for word in line}
    assert any("Not shown" in line for line in told) == (columns == 44 and command != "rewards") or (
        44 < columns < 120
    )
