"""What is measured with and when, which weights are kept, and when a training ends for want of progress.

Run: python -m pytest tests/finetune/training/test_measuring_between_steps.py
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from errors import BadRequest, Stopped
from finetune.run_folder import RunFolder, TrainingState, TrainingStatus
from finetune.run_reports import Metric
from finetune.sft_settings import SftSettings
from finetune.training.checkpoints import Checkpoints
from finetune.training.sft import train
from tests.finetune.training.training_house import (
    ADAPTER,
    NAMES,
    add_base,
    long_settings,
    small_settings,
    terminate_at,
    write_rows,
)


def test_given_rows_are_measured_with_and_their_questions_not_learned(
    data: Path, home: Path, tmp_path: Path
) -> None:
    given = write_rows(tmp_path / "given.jsonl", NAMES[:3])
    settings = small_settings(data, base_model="tiny", holdout_data=(str(given),), batch=4)
    with pytest.raises(Stopped):
        train(settings, home, device="cpu", show=terminate_at(2))
    text = given.read_text(encoding="utf-8")
    write_rows(given, NAMES[:4])
    with pytest.raises(BadRequest, match=r"given\.jsonl is not the file that 'small' began with"):
        train(replace(settings, resume=True), home, device="cpu")
    given.write_text(text, encoding="utf-8")
    run = RunFolder(train(replace(settings, resume=True), home, device="cpu"))

    report = run.read("report.json") or {}
    manifest = run.read("manifest.json") or {}
    assert report["rows"] == {"learned": len(NAMES) - 3, "held_out": 3}
    assert report["answers"]["held_out"]["asked"] == 3
    (file,) = report["holdout_data"]
    assert file == manifest["holdout_data"][0]
    assert (file["name"], len(file["sha256"])) == ("given.jsonl", 64)
    assert file["sha256"] in (run.adapter / "README.md").read_text(encoding="utf-8")
    said = "Not learned, for their question stands in the held-out data: 3 rows."
    assert said in report["notes"]


@pytest.mark.usefixtures("few_questions")
def test_held_out_rows_are_measured_every_so_many_steps(data: Path, home: Path) -> None:
    run = RunFolder(train(long_settings(data, epochs=1.0, measure_steps=3), home, device="cpu"))
    assert [metric.step for metric in run.metrics() if metric.held_out_loss is not None] == [3]


def worsening(data: Path, **changes: Any) -> SftSettings:
    """At so high a rate the held-out loss is best after step 3; after four more measurings it ends."""
    fixed = {"learning_rate": 0.1, "schedule": "constant", "measure_steps": 1, "patience": 4, "keep": "best"}
    return long_settings(data, **{**fixed, "checkpoint_steps": 100, "keep_checkpoints": 1, **changes})


class Killed(BaseException):
    """Nothing is told or saved after it, as when the process is killed."""


def held_out(run: RunFolder) -> dict[int, float]:
    return {one.step: one.held_out_loss for one in run.metrics() if one.held_out_loss is not None}


@pytest.fixture(scope="module")
def whole(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A training that nobody disturbed."""
    home = tmp_path_factory.mktemp("whole")
    add_base(home, tiny_folder, "gpt_neox", prompt_format="koalpaca")
    return RunFolder(train(worsening(write_rows(home / "rows.jsonl")), home, device="cpu"))


@pytest.mark.usefixtures("few_questions")
def test_the_best_weights_are_kept_and_learning_ends_when_nothing_gets_better(whole: RunFolder) -> None:
    report, losses = whole.read("report.json") or {}, held_out(whole)
    assert list(losses) == [1, 2, 3, 4, 5, 6, 7] and min(losses, key=lambda step: losses[step]) == 3
    assert (report["kept_step"], report["ended"], report["steps"]) == (3, "no-progress", 7)
    assert report["held_out"]["after"]["loss"] == pytest.approx(losses[3], abs=1e-6)
    assert "It ended after step 7: 4 measurings in a row" in report["notes"][-2]
    assert "The weights after step 3 of 7 are kept" in report["notes"][-1]
    status = whole.status()
    assert status is not None and status.state is TrainingState.DONE
    # The best one stays though a single one is to be kept.
    assert [found.step for found in Checkpoints(whole.checkpoints, 1).all()] == [7, 3]
    kept, result = (
        load_file(whole.checkpoints / "checkpoint-3/weights.safetensors"),
        load_file(whole.path / ADAPTER),
    )
    assert all(torch.equal(result[name.replace(".default.", ".")], value) for name, value in kept.items())


@pytest.mark.usefixtures("few_questions")
@pytest.mark.parametrize("stops", [(3,), (5, 7)])
def test_a_run_that_was_stopped_keeps_the_same_weights(
    data: Path, home: Path, whole: RunFolder, stops: tuple[int, ...]
) -> None:
    """Also just when the best one, or the one that ends it, was to be measured."""
    settings = worsening(data)
    for step in stops:
        with pytest.raises(Stopped):
            train(replace(settings, resume=True), home, device="cpu", show=terminate_at(step))
    run = RunFolder(train(replace(settings, resume=True), home, device="cpu"))
    assert load_file(run.path / ADAPTER).keys() == load_file(whole.path / ADAPTER).keys()
    for name, value in load_file(run.path / ADAPTER).items():
        assert torch.allclose(value, load_file(whole.path / ADAPTER)[name], rtol=0, atol=1e-5)
    report = run.read("report.json") or {}
    assert (report["kept_step"], report["ended"], report["steps"]) == (3, "no-progress", 7)


@pytest.mark.usefixtures("few_questions")
def test_a_run_that_was_killed_after_its_last_step_learns_no_more(
    data: Path, home: Path, whole: RunFolder
) -> None:
    """And where the best weights are spoiled meanwhile, the last ones are kept, which is said."""
    settings = worsening(data, resume=True)

    def die(status: TrainingStatus, metric: Metric | None) -> None:
        if (status.step, status.state) == (7, TrainingState.MEASURING):
            raise Killed

    with pytest.raises(Killed):
        train(settings, home, device="cpu", show=die)
    run = RunFolder(home / "runs/small")
    (run.checkpoints / "checkpoint-3/weights.safetensors").write_bytes(b"")
    train(settings, home, device="cpu")

    report = run.read("report.json") or {}
    assert (report["kept_step"], report["ended"], report["steps"]) == (7, "no-progress", 7)
    assert "cannot be read any more (weights.safetensors is not what was written)" in report["notes"][-1]
    assert report["held_out"]["after"]["loss"] == pytest.approx(held_out(whole)[7], abs=1e-5)


@pytest.mark.usefixtures("few_questions")
def test_patience_alone_keeps_the_last_weights(data: Path, home: Path) -> None:
    settings = worsening(data, keep="last", patience=1)
    run = RunFolder(train(settings, home, device="cpu"))
    report = run.read("report.json") or {}
    assert (report["kept_step"], report["ended"]) == (4, "no-progress")
    assert [found.step for found in Checkpoints(run.checkpoints, 1).all()] == [4]
