"""`python -m finetune`: recipes as defaults, one sentence and exit code 2 for a fault, --help without torch.

Run: python -m pytest tests/finetune/test_finetune_command.py
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from errors import AS_WRITTEN, Stopped
from finetune import cli_runs, cli_train
from finetune.cli import main
from finetune.cli_plan import PlanSft
from finetune.cli_train import Sft, defaults, settings_of
from finetune.progress_lines import duration, line_of
from finetune.recipes import load_recipe
from finetune.run_folder import RunFolder, TrainingState, TrainingStatus, free_name, now
from finetune.run_reports import Metric
from finetune.sft_settings import SftSettings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NARANI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "home"


def help_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("more", [[], ["--now"]])
@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "Nothing can be written in the folder of trainings"), ("ko", "학습 폴더에 쓸 수 없습니다")],
)
def test_a_home_that_cannot_be_written_is_one_sentence(
    home: Path,
    more: list[str],
    language: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NARANI_LANGUAGE", language)
    home.mkdir()
    (home / "runs").write_text("a file where the folder would be")
    assert main(["sft", "--recipe", "demo", "--name", "first", *more]) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1


def test_help_comes_without_torch() -> None:
    code = (
        "import sys\nfrom finetune.cli import main\n"
        "try: main(['sft', '--help'])\nexcept SystemExit: pass\n"
        "sys.exit(len({'torch', 'transformers', 'peft', 'trl', 'datasets', 'streamlit'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert found.returncode == 0


def test_every_command_is_offered(capsys: pytest.CaptureFixture[str]) -> None:
    shown = help_of(capsys)
    for command in ("sft", "data", "merge", "pairs", "plan", "recipes", "rewards", "runs"):
        assert re.search(rf"• {command}\s+\w+", shown)


def test_every_setting_has_its_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    shown = re.sub(r"[│\s]+", " ", help_of(capsys, "sft"))
    for field in fields(Sft):
        option = field.name.replace("_", "-")
        assert re.search(rf"--{option}\b(?:(?!\(default).){{20,}}\(default:", shown), option


def test_a_recipe_gives_the_defaults_of_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    shown = re.sub(r"[│\s]+", " ", help_of(capsys, "sft", "--recipe", "korani-qlora-deepspeed"))
    assert "(default: polyglot-ko-5.8b)" in shown and "(default: qlora)" in shown


@pytest.mark.parametrize("spelled", [["--recipe", "kullm-lora"], ["--recipe=kullm-lora"]])
def test_a_recipes_values_are_the_defaults(spelled: list[str]) -> None:
    found = defaults(Sft, ["sft", *spelled])
    assert found.recipe == "kullm-lora"
    assert settings_of(found) == load_recipe("kullm-lora").with_defaults()


def test_a_base_brings_its_recipe_but_not_somebody_elses_rows() -> None:
    found = defaults(Sft, ["sft", "--base_model", "demo-kullm"])
    demo = load_recipe("demo").with_defaults()
    assert (found.recipe, found.learning_rate, found.data) == ("demo", demo.learning_rate, ())
    assert defaults(Sft, ["sft", "--base-model", "demo-kullm", "--recipe", "none"]).learning_rate is None
    assert defaults(PlanSft, ["plan", "--base-model", "polyglot-ko-5.8b"]).recipe is None


def test_what_a_person_says_goes_before_the_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[SftSettings] = []

    def remember(options: Sft, home: Path) -> int:
        settings = settings_of(options)
        assert isinstance(settings, SftSettings)
        asked.append(settings)
        return 0

    monkeypatch.setattr(cli_train, "run", remember)
    arguments = "sft --recipe kullm-lora --data a.jsonl b.csv*2 --no-learn-prompts --lora-r 4 --max-steps 7"
    assert main(arguments.split()) == 0
    (settings,) = asked
    assert settings.data == ("a.jsonl", "b.csv*2")
    assert (settings.learn_prompts, settings.lora_r, settings.max_steps) == (False, 4, 7)
    assert (settings.batch, settings.epochs) == (128, 8)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("sft --recipe kulm-lora", "There is no recipe named 'kulm-lora'. Did you mean kullm-lora,"),
        ("sft --recipe kullm-lora --batch 6", "batch (6) must be a multiple of micro_batch (4)."),
        ("sft --lora-r 0 --base-model demo-koalpaca", "lora_r must lie between 1 and 1024, not 0."),
        ("sft --data rows.jsonl", "No base model is named."),
        ("sft --base-model demo-koalpaca", "No data is named."),
        ("sft --base-model demo-koalpaca --data nowhere.jsonl", "nowhere.jsonl"),
        ("plan", "No base model is named."),
        ("plan --base-model demo-koalpca", "Did you mean demo-koalpaca"),
        ("plan --base-model demo-koalpaca --lora-targets xxx", "named 'xxx'. Known: dense"),
        ("plan --base-model demo-koalpaca --memory much", "--memory: 'much' is not a size."),
        ("recipes show", "Name the recipe to show."),
        ("recipes show demmo", "Did you mean demo"),
        ("merge no-such-run --out merged", "no-such-run"),
        ("sft --learning-rat 3", "no option named '--learning-rat'. Did you mean --learning-rate"),
        ("plan --gpu=2", "no option named '--gpu'. Did you mean --gpus"),
        ("merge run --quantization int8 --out x", "'--quantization'. Did you mean --quantizations"),
        ("data --max_token 3 rows.jsonl", "no option named '--max-token'. Did you mean --max-tokens"),
        ("recipes --all", "There is no option named '--all'."),
        ("runs --all", "There is no option named '--all'."),
        ("stf --recipe demo", "no command named 'stf'. Did you mean sft"),
        (
            "sft --base-model demo-koalpaca --adam-betas 0.9 1",
            "two numbers from 0 to below 1, not 0.9, 1.0",
        ),
        ("sft --recipe demo --resume", "(--name NAME --resume). There are none yet."),
        ("dpo --resume first", "name it: --name first --resume."),
        ("sft first --recipe demo", "'first' belongs to no option."),
        ("ppo --now --recipe demo-ppo --now later", "'later' belongs to no option."),
    ],
)
def test_a_fault_is_one_sentence_and_exit_code_2(
    arguments: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments.split()) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.err.count("\n") == 1 and "Traceback" not in told.err


def test_going_on_with_what_was_never_begun_names_what_was(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(home, "begun", TrainingStatus(TrainingState.STOPPED))
    for named, said in (
        ("--name begum", "There is no run named 'begum'. Did you mean begun?\n"),
        ("", "Name the run to go on with (--name NAME --resume). There are: begun.\n"),
    ):
        assert main(f"sft --recipe demo --resume {named}".split()) == 2
        assert capsys.readouterr().err == said
    assert [path.name for path in (home / "runs").iterdir()] == ["begun"]


def test_a_try_that_came_to_nothing_gives_its_name_to_the_next(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty, full = tmp_path / "empty.jsonl", tmp_path / "full.jsonl"
    empty.write_text("", encoding="utf-8")
    full.write_text("".join(f'{{"instruction": "{n}?", "output": "{n}"}}\n' for n in range(15)), "utf-8")
    known = ["sft", "--base-model", "demo-koalpaca", "--data"]
    for file, said in ((empty, "empty.jsonl is empty."), (full, "Rows: 15.")):
        assert main([*known, str(file), "--name", "again"]) == 2
        run = RunFolder(home / "runs/again")
        status = run.status()
        assert status is not None and said in (status.error or "") and run.came_to_nothing
        assert free_name(home, "again") == "again"
        assert run.read("before.json") is None, "what the try before left"
        run.write("before.json", {"measured": "of other settings"})
    run.add_metric(Metric(at="", step=1, epoch=0.1, loss=1.0))
    assert free_name(home, "again") == "again-2"


def test_being_stopped_is_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(options: object, home: Path) -> int:
        raise Stopped(AS_WRITTEN, sentence="Stopped; a checkpoint is kept.")

    monkeypatch.setattr(cli_runs, "run", interrupted)
    assert main(["runs"]) == 130


def test_recipes_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes"]) == 0
    assert "korani-qlora-deepspeed" in capsys.readouterr().out
    assert main(["recipes", "show", "llm-lab-polyglot-12.8b"]) == 0
    shown = capsys.readouterr().out
    assert "weight_decay            0.05" in shown and "ko_alpaca_data.json" in shown


@pytest.mark.parametrize(("memory", "code"), [("24GB", 0), ("4GB", 1)])
def test_a_plan_is_drawn_and_its_exit_code_says_whether_it_fits(
    memory: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = f"plan --recipe korani-qlora-deepspeed --memory {memory}"
    assert main(arguments.split()) == code
    shown = capsys.readouterr().out
    assert "qlora *" in shown and "0.0623 % (honest" in shown
    assert ("does not fit" in shown or "Nothing that can be lowered" in shown) == bool(code)


def test_a_plan_on_this_machine_counts_the_base(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--base-model", "demo-korwkv"]) == 0
    assert "1.1M parameters in 3 layers." in capsys.readouterr().out


def write_run(home: Path, name: str, status: TrainingStatus) -> None:
    run = RunFolder(home / "runs" / name)
    run.path.mkdir(parents=True)
    settings = {"method": "lora", "base_model": "demo-koalpaca"}
    run.write("manifest.json", {"started": status.started, "settings": settings})
    run.set_status(status)
    run.add_metric(Metric(at="", step=3, epoch=0.5, loss=0.25))


def test_runs_are_listed_with_where_they_stand(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == 0
    assert "There are no runs yet" in capsys.readouterr().out
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    begun = now()
    going = TrainingStatus(TrainingState.TRAINING, 3, 9, 0.5, pid=os.getpid(), started=begun)
    write_run(home, "going", going)
    write_run(home, "killed", TrainingStatus(TrainingState.TRAINING, 3, 9, pid=gone.pid))
    write_run(home, "failed", TrainingStatus(TrainingState.FAILED, pid=gone.pid, error="Memory ran out."))
    assert main(["runs"]) == 0
    shown = capsys.readouterr().out
    day = begun[:10]
    assert re.search(rf"going\s+sft\s+training\s+3 of 9\s+0.250\s+lora\s+demo-koalpaca\s+{day}", shown)
    assert re.search(r"killed\s+sft\s+interrupted\s+3 of 9", shown)
    assert "failed: Memory ran out." in shown and "--resume" in shown


def test_a_line_of_progress_says_what_is_known() -> None:
    status = TrainingStatus(TrainingState.TRAINING, 12, 80, 0.3, seconds_left=200)
    metric = Metric(at="", step=12, epoch=0.3, loss=1.2345, tokens_per_second=1234.5, memory_bytes=2 * 10**9)
    assert line_of(status, metric) == (
        "training  step 12 of 80  epoch 0.30  loss 1.234  1,234 tokens/s  2.0 GB  3 min 20 s left"
    )
    rewarded = Metric(
        at="", step=12, epoch=0.3, figures={"kl": 2.345, "reward": 0.5, "reward_se": 0.1, "ended": 1.0}
    )
    assert line_of(status, rewarded).endswith("epoch 0.30  reward 0.5  kl 2.35  ended 1  3 min 20 s left")
    assert line_of(TrainingStatus(TrainingState.PREPARING), None) == "preparing"
    assert [duration(seconds) for seconds in (8, 3600 * 2 + 300)] == ["8 s", "2 h 05 min"]


def test_data_is_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"instruction": "하늘은 왜 파란가요?", "input": "", "output": "빛이 흩어져서요."}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    assert main(["data", str(tmp_path / "rows.jsonl"), "--format", "koalpaca"]) == 0
    assert "koalpaca" in capsys.readouterr().out


def test_the_demo_recipe_trains_from_the_command_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    torch.set_num_threads(1)
    assert main(["sft", "--recipe", "demo", "--name", "Demo-KULLM", "--max-steps", "2"]) == 0
    shown = capsys.readouterr().out
    assert "Recipe: demo" in shown and "done" in shown
    assert "The model: demo-kullm-2 ('demo-kullm' was taken)." in shown
    assert (home / "runs" / "demo-kullm" / "adapter" / "adapter_model.safetensors").is_file()
