"""Trainings begun on the page and what comes of them: stopped, gone on with, compared; one for real.

Run: python -m pytest tests/app/test_training_runs.py
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import resources
from dashboard.session import compare, training
from dashboard.training.smoothing import curve, positions
from finetune import jobs
from finetune.jobs import Metric
from finetune.run_folder import TrainingState, now
from tests.app.opened_pages import opened, texts
from tests.app.training_pages import HOSTILE, plain, trainings, until, uploaded, written
from tests.engines.scripted_engine import ScriptedEngine


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    with trainings(monkeypatch, tmp_path) as made:
        yield made


def test_an_upload_is_trained_on_stopped_and_gone_on_with(engine: ScriptedEngine, tmp_path: Path) -> None:
    page = uploaded()
    page.text_input(key=training.NAME).set_value("내 모델 1").run()
    assert "내-모델-1" in plain(page)
    page.number_input(key=training.field_key("demo", "epochs")).set_value(60.0).run()
    page.button(key=training.START).click().run()
    assert page.query_params["training"] in ("내-모델-1", ["내-모델-1"])
    until(page, "학습하는 중")
    assert "떠나거나" in texts(page) and "손실 2.500" in plain(page)
    assert len(page.get("vega_lite_chart")) == 1
    held = jobs.job(tmp_path, "내-모델-1")
    assert held is not None and Path(held.settings["data"][0]).is_relative_to(tmp_path / "runs")
    assert not list((tmp_path / "uploads").iterdir())
    page.button(key=training.STOP).click().run()
    until(page, "중지했습니다")
    page.button(key=training.RESUME).click().run()
    until(page, "학습하는 중")
    page.button(key=training.NEW).click().run()
    assert "내-모델-1" in plain(page) and "내-모델-1" in page.multiselect(key=training.PICKED).options


def test_an_upload_that_is_not_wanted_goes(engine: ScriptedEngine, tmp_path: Path) -> None:
    page = uploaded()
    (path, _) = page.session_state["training_uploads_kept"][0]
    page.button(key=training.drop_key(path)).click().run()
    assert not list((tmp_path / "uploads").iterdir()) and "내 질문.jsonl" not in plain(page)


def test_a_taken_name_starts_nothing(engine: ScriptedEngine, tmp_path: Path) -> None:
    written(tmp_path, "mine", TrainingState.DONE)
    page = uploaded()
    page.text_input(key=training.NAME).set_value("mine").run()
    page.button(key=training.START).click().run()
    assert "'mine'이라는 학습이 이미 있습니다" in plain(page)
    assert "training" not in page.query_params


REPORT: dict[str, Any] = {
    "run": "tuned",
    "base_id": "demo-kullm",
    "model_id": "tuned",
    "held_out": {
        "before": {"loss": 2.5, "perplexity": 12.2, "tokens": 9},
        "after": {"loss": 0.5, "perplexity": 1.6, "tokens": 9},
    },
    "answers": {
        "held_out": {"asked": 8, "before": {"exact": 0, "near": 1}, "after": {"exact": 7, "near": 8}},
    },
    "samples": [{"source": "a", "question": HOSTILE, "expected": "가", "before": "나", "after": ""}],
    "notes": [HOSTILE],
}


def finished(home: Path) -> AppTest:
    run = written(home, "tuned", TrainingState.DONE, step=80, total_steps=80)
    run.write("report.json", REPORT)
    run.add_metric(
        Metric(now(), 1, 0.1, loss=2.0, learning_rate=1e-3, tokens_per_second=99.0, memory_bytes=10**9)
    )
    run.add_metric(Metric(now(), 2, 0.2, loss=1.0, held_out_loss=1.5))
    return opened("training", training="tuned")


def test_before_and_after_stand_side_by_side(engine: ScriptedEngine, tmp_path: Path) -> None:
    page = finished(tmp_path)
    table = page.dataframe[0].value.to_string()
    assert "7 / 8" in table and "0 / 8" in table and "2.5" in table
    assert HOSTILE in [text.value for text in page.text] and "(빈 답)" in [text.value for text in page.text]
    assert "<script>" not in "".join(element.value for element in (*page.markdown, *page.caption))
    assert len(page.get("vega_lite_chart")) == 4


def test_the_comparison_opens_with_base_and_tuned_picked(engine: ScriptedEngine, tmp_path: Path) -> None:
    page = finished(tmp_path)
    page.button(key=training.COMPARE).click().run()
    assert "목록에 없습니다" in texts(page)
    spec = resources.services().registry.get("demo-kullm-banmal")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tuned.toml").write_text(
        f"""[[model]]
id = "tuned"
title = "tuned"
source = "{spec.local.source}"
family = "demo"
architecture = "gpt_neox"
parameters = 131072
context_length = 512
license = {{ name = "apache-2.0", commercial = "yes" }}
prompt_format = "kullm"
adapter = {{ base = "demo-kullm" }}
"""
    )
    page.button(key=training.COMPARE).click().run()
    assert not page.exception
    assert page.chat_input(key=compare.TYPED.box_key) and "training" not in page.query_params
    assert page.session_state["compare_picked"] == ["demo-kullm", "tuned"]


@pytest.mark.slow
def test_a_real_training_from_check_to_comparison(
    engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(jobs, "PROCESS", "finetune.process")
    page = opened("training").button(key=training.CHECK).click().run(timeout=120)
    assert "들어갑니다" in plain(page) and "green-background" in texts(page)
    assert any("Alpaca" in table.value.to_string() for table in page.dataframe)
    page.text_input(key=training.NAME).set_value("tuned").run()
    page.number_input(key=training.field_key("demo", "max_steps")).set_value(4).run()
    page.button(key=training.START).click().run()
    until_over(tmp_path, "tuned")
    assert "학습 뒤" in texts(page.run())
    assert any("검증 손실" in table.value.to_string() for table in page.dataframe)
    page.button(key=training.COMPARE).click().run()
    assert page.session_state["compare_picked"] == ["demo-kullm", "tuned"], texts(page)


def test_long_trainings_stay_small_in_the_browser() -> None:
    metrics = [Metric("", step, 0.0, loss=1.0 / step) for step in range(1, 10_001)]
    xs = positions(metrics, "step", 10_000)
    drawn = curve(metrics, "loss", xs, 0.9, most=500)
    assert len(drawn) <= 500 and drawn[-1].step == 10_000
    assert curve(metrics, "held_out_loss", xs, 0.9, most=500) == []


def until_over(home: Path, name: str, seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while (found := jobs.job(home, name)) is None or not found.over:
        assert time.monotonic() < end, jobs.log_tail(home, name)
        time.sleep(0.5)
