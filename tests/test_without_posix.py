"""The app and the command lines where Windows' want of POSIX is feigned (tests/without_posix says how far).

Run: python -m pytest tests/test_without_posix.py
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import command_line
from errors import BadRequest
from finetune.distributed.launching import processes_for
from finetune.sft_settings import SftSettings

ROOT = Path(__file__).parents[1]
_TESTS = (
    "tests/app/test_compare_page.py::test_a_run_is_found_after_the_process_was_new",
    "tests/app/test_compare_page.py::test_a_column_is_asked_again",
    "tests/app/test_batch_page.py::test_running_stopped_and_gone_on_with",
    "tests/app/test_models_page.py::test_an_entry_is_changed_removed_and_brought_back",
    "tests/app/test_training_page.py::test_an_address_without_a_run_is_said",
    "tests/history/test_history_processes.py::"
    "test_the_runs_of_a_killed_neighbor_become_interrupted_where_somebody_looks",
    "tests/finetune/test_jobs.py::test_a_stopped_run_goes_on",
)
_WITH_TRITON = ("benchmarks/gpu/probe_kernels.py", "engines/steps/triton_")
"""Triton comes with CUDA builds of torch alone."""
_RUN_WHEN_IMPORTED = ("dashboard/pages/", "benchmarks/app_", "tests/")

_COMMANDS = """
import importlib, sys
import tests.without_posix
from pathlib import Path
home, *modules = map(str, sys.argv[1:])
home = Path(home)
data = str(home / "data.jsonl")
for room, *arguments in (
    ("comparison", "ask", "대한민국의 수도는?", "--models", "demo-koalpaca,demo-kullm-banmal"),
    ("comparison", "batch", str(home / "질문.txt"), "--models", "demo-chat", "--out", str(home / "답.csv")),
    ("comparison", "batch", str(home / "질문.txt"), "--models", "demo-chat", "--out", str(home / "답.csv")),
    ("model_registry", "list"),
    ("model_registry", "check"),
    ("prompts", "render", "--model", "demo-kullm", "--question", "안녕"),
    ("finetune", "sft", "--recipe", "demo", "--data", data, "--max-steps", "2", "--name", "둘"),
    ("finetune", "merge", "둘", "--out", str(home / "merged")),
    ("finetune", "runs"),
):
    sys.argv = [room, *arguments]
    code = importlib.import_module(f"{room}.__main__").main()
    assert code in (0, None), (room, arguments, code)
for name in modules:
    importlib.import_module(name)
"""


def without_posix(*arguments: str, home: Path) -> str:
    # A run of pytest of its own is no worker of ours.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        errors="replace",  # main() alone leaves the streams as the console has them
        env={**alone, "NARANI_HOME": str(home), "PYTHONIOENCODING": "cp949", "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def modules() -> list[str]:
    rooms = ["comparison", "dashboard", "engines", "errors", "finetune", "history", "model_registry"]
    rooms += ["prompts", "benchmarks"]
    paths = [path.relative_to(ROOT) for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]
    paths += [path.relative_to(ROOT) for path in (ROOT / "scripts").glob("*.py")]
    left_out = (*_RUN_WHEN_IMPORTED, *_WITH_TRITON)
    wanted = [path for path in paths if not path.as_posix().startswith(left_out)]
    return [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in wanted]


def test_the_command_lines_work_and_everything_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "질문.txt").write_text("서울은?\n부산은?\n", encoding="utf-8")
    rows = (ROOT / "finetune/recipes/demo.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "data.jsonl").write_text("".join(rows[:24]), encoding="utf-8")
    without_posix("-c", _COMMANDS, str(tmp_path), *modules(), home=tmp_path)
    assert (tmp_path / "답.csv").read_text(encoding="utf-8-sig").count("demo-chat") == 2
    assert list((tmp_path / "merged").glob("*.safetensors"))


def test_the_pages_the_history_and_a_training_of_the_app_work(tmp_path: Path) -> None:
    options = ("-p", "tests.without_posix", "-p", "no:cacheprovider", "-q")
    without_posix("-m", "pytest", *options, *_TESTS, home=tmp_path)


def test_a_console_gets_characters_and_not_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    was = io.TextIOWrapper(io.BytesIO(), "utf-8")
    monkeypatch.setattr(command_line, "os", SimpleNamespace(name="nt", isatty=lambda number: True))
    assert command_line._text(command_line._Outlet(1), was) is was and was.errors == "replace"
    monkeypatch.setattr(command_line, "os", SimpleNamespace(name="nt", isatty=lambda number: False))
    assert command_line._text(command_line._Outlet(1), was) is not was


def test_learning_in_several_processes_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finetune.distributed.launching.os", SimpleNamespace(name="nt"))
    with pytest.raises(BadRequest, match="WSL2"):
        processes_for(SftSettings(base_model="demo-kullm", data=("a.jsonl",), distributed="ddp"), 2)
