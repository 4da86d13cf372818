"""A run's folder: safe names, files that are whole or not there, and reading while another process writes.

Run: python -m pytest tests/finetune/training/test_run_folders.py
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from errors import BadRequest
from finetune.run_folder import (
    RunFolder,
    TrainingState,
    TrainingStatus,
    free_name,
    list_runs,
    name_for,
    run_folder,
    safe_name,
)
from finetune.run_reports import Metric
from finetune.sft_settings import SftSettings

ROOT = Path(__file__).parents[3]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    (tmp_path / "runs/one").mkdir(parents=True)
    return run_folder(tmp_path, "one")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("KoAlpaca 5.8B", "koalpaca-5.8b"),
        ("나의 모델", "나의-모델"),
        ("../../etc", "etc"),
        ("", "run"),
        ("..", "run"),
        ("가" * 100, "가" * 21),
        ("x" * 300, "x" * 64),
        ("ᄇ\u1161\u11ab말.V2", "반말.v2"),
        ("끝.", "끝"),
        ("반/말", "반-말"),
        ("🎉", "run"),
        ("con", "run-con"),
        ("NUL.반말", "run-nul.반말"),
        ("ㅋㅋ", "ㅋㅋ"),
    ],
)
def test_any_text_becomes_a_safe_name(text: str, name: str) -> None:
    assert safe_name(text) == name == safe_name(name)


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "a b", "a\0", "끝.", "con", "x" * 300, "🎉"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadRequest, match="cannot be the name of a run"):
        run_folder(tmp_path, name)


def test_a_name_is_found_however_it_is_typed(run: RunFolder, tmp_path: Path) -> None:
    assert run_folder(tmp_path, "ONE") == run
    assert run_folder(tmp_path, "ᄇ\u1161\u11ab말.V2").name == "반말.v2"


def test_a_name_is_made_that_nobody_has(tmp_path: Path, run: RunFolder) -> None:
    assert free_name(tmp_path, "one") == "one-2"
    settings = SftSettings(base_model="beomi/polyglot-ko-12.8b-safetensors", method="qlora")
    assert name_for(settings, tmp_path).startswith("polyglot-ko-12.8b-safetensors-qlora-")


def test_a_status_is_read_as_it_was_written_and_garbage_is_none(run: RunFolder) -> None:
    assert run.status() is None
    written = run.set_status(TrainingStatus(TrainingState.TRAINING, step=3, total_steps=9, pid=1))
    assert run.status() == written and written.updated
    for garbage in ("{", "[]", '{"state": "odd"}', '{"step": 3}'):
        (run.path / "status.json").write_text(garbage)
        assert run.status() is None


def test_metrics_survive_a_line_that_was_cut(run: RunFolder) -> None:
    for step in (1, 2, 3):
        run.add_metric(Metric("t", step, 0.5, loss=1.0 / step))
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"at": "t", "step": 4, "lo')

    assert [metric.step for metric in run.metrics()] == [1, 2, 3]
    run.forget_reports_after(2)
    assert run.metrics()[-1] == Metric("t", 2, 0.5, loss=0.5)


def test_runs_are_listed_newest_first_and_a_stray_folder_is_none(tmp_path: Path) -> None:
    assert list_runs(tmp_path) == []
    for name, started in (("a", "2026-01-01"), ("b", "2026-01-02")):
        (tmp_path / "runs" / name).mkdir(parents=True)
        RunFolder(tmp_path / "runs" / name).write("manifest.json", {"started": started})
    (tmp_path / "runs/stray").mkdir()

    assert [run.name for run in list_runs(tmp_path)] == ["b", "a"]


def test_reading_a_run_needs_no_torch() -> None:
    code = "import finetune.run_folder, finetune.sft_settings, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert "torch" not in loaded.stdout.split()
