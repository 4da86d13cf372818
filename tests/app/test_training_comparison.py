"""The list of trainings and several of them over each other; a new one with the settings of another.

Run: python -m pytest tests/app/test_training_comparison.py
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow import ipc
from streamlit.testing.v1 import AppTest

from dashboard.session import training
from dashboard.training.smoothing import positions, smoothed
from finetune import jobs
from finetune.jobs import KINDS, RunSettings, command_line
from finetune.kinds import recorded
from finetune.run_folder import TrainingState, now, run_folder
from finetune.run_reports import Metric
from tests.app.opened_pages import opened, texts
from tests.app.training_pages import HOSTILE, listed, open_listed, plain, trainings, written
from tests.engines.scripted_engine import ScriptedEngine
from tests.finetune.changed_settings import changed_settings_of


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    with trainings(monkeypatch, tmp_path) as made:
        yield made


def learned(home: Path, name: str, losses: dict[int, float], kind: str = "sft", **settings: Any) -> None:
    run = written(home, name, TrainingState.DONE, step=max(losses), total_steps=20)
    asked = KINDS[kind].settings(base_model="demo-kullm", data=("/somewhere/질문.jsonl",), **settings)
    run.write("manifest.json", {"started": now(), **recorded(asked), "plan": {"learning_rate": 3e-4}})
    run.write("report.json", {"held_out": {"before": {"loss": 4.0}, "after": {"loss": 1.0}}})
    for step, loss in losses.items():
        run.add_metric(Metric(f"2026-01-01T00:{step:02}:00+00:00", step, 0.1, loss=loss))


def drawn(page: AppTest) -> dict[str, list[dict[str, Any]]]:
    """The rows of each chart, by the words above it."""
    charts = {}
    for chart in page.get("vega_lite_chart"):
        (data,) = chart.proto.datasets
        rows = ipc.open_stream(data.data.data).read_all().to_pylist()
        charts[json.loads(chart.proto.spec)["layer"][0]["title"]] = rows
    return charts


def spoil(home: Path) -> None:
    """Folders as no training leaves them."""
    odd = {"data": 5, "learning_rate": "x", "base_model": [HOSTILE], "method": HOSTILE}
    manifests: dict[str, dict[str, Any]] = {"odd": {"started": 3}, "dream": {"kind": HOSTILE}}
    for name, manifest in manifests.items():
        run = run_folder(home, name)
        run.path.mkdir(parents=True)
        run.write("manifest.json", {**manifest, "settings": odd})
        run.metrics_path.write_text(
            '{"step": "two", "loss": "low"}\n{"at": 3, "step": 1, "epoch": 0.1, "loss": NaN}\n'
        )
        (run.path / "report.json").write_text('{"held_out": {"before": 7}}')
    (home / "runs/empty").mkdir()


def test_two_hundred_trainings_and_spoiled_ones_are_listed_and_compared(
    engine: ScriptedEngine, tmp_path: Path
) -> None:
    assert "아직 학습이 없습니다" in plain(opened("training"))
    learned(tmp_path, "run-0", {1: 2.0, 2: 1.0})
    for number in range(1, 198):
        shutil.copytree(tmp_path / "runs/run-0", tmp_path / f"runs/run-{number}")
    written(tmp_path, "failed", TrainingState.FAILED, error="Memory ran out.")
    written(tmp_path, "stopped", TrainingState.STOPPED, step=3, total_steps=9)
    spoil(tmp_path)
    page = opened("training")
    rows = {row["name"]: row for row in listed(page)}
    assert len(rows) == 202 and not page.exception
    one = rows["run-7"]
    assert (one["before"], one["after"], one["change"], one["rate"]) == (4.0, 1.0, "-75.0%", 3e-4)
    assert (one["kind"], one["method"], one["data"]) == ("SFT", "LoRA", "질문.jsonl")
    assert (rows["failed"]["state"], rows["stopped"]["steps"]) == ("실패", "3 / 9")
    assert (
        page.button(key=training.OPEN_PICKED).disabled and page.button(key=training.COMPARE_PICKED).disabled
    )
    open_listed(page, "odd", "dream", "failed", "run-3")
    assert not page.exception and "<script>" not in "".join(each.value for each in page.markdown)
    assert {row["of"] for row in drawn(page)["학습 손실"]} == {"run-3"}
    for name in ("odd", "dream"):
        assert not opened("training", training=name).exception


def test_curves_lie_over_each_other_by_step_share_and_time_and_are_smoothed(
    engine: ScriptedEngine, tmp_path: Path
) -> None:
    learned(tmp_path, "one", {1: 4.0, 2: 2.0, 4: 1.0}, learning_rate=1e-3, lora_r=32)
    learned(tmp_path, "two", {5: 3.0, 10: 1.0}, learning_rate=1e-4)
    page = opened("training", training="one,gone,two")
    assert "gone" in plain(page)
    points = {(row["of"], row["x"], row["value"]) for row in drawn(page)["학습 손실"]}
    assert points == {("one", 1, 4), ("one", 2, 2), ("one", 4, 1), ("two", 5, 3), ("two", 10, 1)}
    page.segmented_control(key=training.AXIS).set_value("share").run()
    assert [row["x"] for row in drawn(page)["학습 손실"]] == [5, 10, 20, 25, 50]
    page.segmented_control(key=training.AXIS).set_value("time").run()
    assert [row["x"] for row in drawn(page)["학습 손실"]] == [0, 1, 3, 0, 5], "minutes"
    page.slider(key=training.SMOOTHING).set_value(0.5).run()
    rows = drawn(page)["학습 손실"]
    assert [row["value"] for row in rows[:3]] == pytest.approx([4, 8 / 3, 12 / 7])
    assert [row["raw"] for row in rows[:3]] == [4, 2, 1], "what was told stays behind it"
    table = page.table[-1].value.to_dict("records")
    assert [(row["설정"], row["one"], row["two"]) for row in table] == [
        ("r \\(랭크\\)", "32", "8"),
        ("학습률", "0\\.001", "0\\.0001"),
    ]


def test_more_than_can_be_told_apart_are_not_drawn(engine: ScriptedEngine, tmp_path: Path) -> None:
    for number in range(9):
        learned(tmp_path, f"run-{number}", {1: 2.0})
    page = opened("training", training=",".join(f"run-{number}" for number in range(9)))
    assert len({row["of"] for row in drawn(page)["학습 손실"]}) == 8 and "run-8" in plain(page)


def test_smoothing_is_a_mean_of_what_came_so_far_and_starts_at_no_zero() -> None:
    assert list(smoothed([3.0, 3.0, 3.0], 0.99)) == pytest.approx([3, 3, 3])
    assert list(smoothed([1.0, 5.0], 0.0)) == [1, 5]
    values, weight = [4.0, 1.0, 7.0, 2.0], 0.6
    weighed = [[weight ** (at - back) for back in range(at + 1)] for at in range(len(values))]
    means = [sum(w * v for w, v in zip(each, values, strict=False)) / sum(each) for each in weighed]
    assert list(smoothed(values, weight)) == pytest.approx(means)
    assert positions([], "share", 10) == []


@pytest.mark.parametrize("kind", ["sft", "dpo", "ppo"])
def test_a_new_training_is_asked_for_with_the_settings_of_another(
    engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    settings = changed_settings_of(KINDS[kind].settings, base_model="demo-koalpaca", distributed="none")
    run = written(tmp_path, "before", TrainingState.DONE)
    run.write("manifest.json", {"started": now(), **recorded(settings)})
    written(tmp_path, "judge-1", TrainingState.DONE).write(
        "manifest.json", {"kind": "reward", "settings": {"a": 1}}
    )
    asked: list[RunSettings] = []

    def start(settings: RunSettings, *_: object) -> str:
        asked.append(settings)
        return "before"

    monkeypatch.setattr(jobs, "start", start)
    page = opened("training", training="before")
    assert command_line(settings) in [each.value for each in page.code]
    shown = page.table[0].value.to_string() + page.table[1].value.to_string()
    assert all(word in shown for word in ("demo\\-koalpaca", "질문 \\$HOME", "에폭", "학습률"))
    page.button(key=training.AGAIN).click().run()
    assert "training" not in page.query_params and not asked
    page.button(key=training.START).click().run()
    assert asked == [settings], texts(page)


def test_a_base_that_is_no_longer_offered_is_said(engine: ScriptedEngine, tmp_path: Path) -> None:
    run = written(tmp_path, "before", TrainingState.DONE)
    run.write("manifest.json", {"settings": {"base_model": "someone/gone", "data": ["a.jsonl"]}})
    page = opened("training", training="before").button(key=training.AGAIN).click().run()
    assert "someone/gone" in plain(page) and "양식을 채우지 않았습니다" in plain(page)
