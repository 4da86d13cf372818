"""What a training of any kind shows while it runs: curves, answers by step, and reward hacking.

Run: python -m pytest tests/app/test_training_curves.py
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyarrow import ipc
from streamlit.testing.v1 import AppTest

from dashboard.session import training
from dashboard.training.reward_hacking import drift
from finetune import jobs
from finetune.progress_lines import line_of
from finetune.run_folder import RunFolder, TrainingState, now
from finetune.run_reports import Metric, SampledAnswers
from tests.app.opened_pages import opened
from tests.app.training_pages import HOSTILE, SETTINGS, plain, trainings, written
from tests.engines.scripted_engine import ScriptedEngine

BY_REWARDS = (
    *("reward", "reward_se", "reward_level", "reward_level_se", "reward_model", "kl", "kl_coefficient"),
    *("policy_loss", "value_loss", "clip_share", "approx_kl", "entropy", "explained_variance", "length"),
    *("ended", "equal_groups", "held_out_reward", "held_out_exact", "held_out_ended"),
)
FIGURES = {
    "reward": ("accuracy", "margin", "held_out_accuracy", "held_out_margin"),
    "dpo": ("accuracy", "margin", "chosen_log_prob", "rejected_log_prob", "chosen_change"),
    "ppo": BY_REWARDS,
}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    with trainings(monkeypatch, tmp_path) as made:
        yield made


def learning(home: Path, kind: str, steps: Mapping[int, Mapping[str, float]]) -> RunFolder:
    run = written(home, "one", TrainingState.TRAINING, pid=os.getpid(), step=1, total_steps=20)
    run.write("manifest.json", {"started": now(), "kind": kind, "settings": SETTINGS})
    for step, figures in steps.items():
        run.add_metric(Metric(now(), step, step / 10, loss=1.0, tokens_per_second=9.0, figures=figures))
    return run


def drawn(page: AppTest) -> set[tuple[str, float]]:
    """Which lines there are, by the words that stand at each, with the values that they go through."""
    return {(row["of"], row["value"]) for row in rows(page)}


def rows(page: AppTest) -> list[dict[str, Any]]:
    charts = page.get("vega_lite_chart")
    tables = [ipc.open_stream(each.data.data).read_all() for chart in charts for each in chart.proto.datasets]
    return [row for table in tables for row in table.to_pylist()]


@pytest.mark.parametrize("kind", FIGURES)
def test_every_figure_of_a_kind_has_a_curve(engine: ScriptedEngine, tmp_path: Path, kind: str) -> None:
    values = {name: 0.25 + number / 64 for number, name in enumerate(FIGURES[kind])}
    learning(tmp_path, kind, {1: values, 2: values})
    page = opened("training", training="one")
    assert not page.exception
    lines = drawn(page)
    told = {value for name, value in values.items() if not name.endswith("_se")}
    assert told <= {value for _, value in lines}
    assert len({name for name, _ in lines}) == len(told) + 2, "each has words of its own, loss and speed too"
    banded = [
        chart for chart in page.get("vega_lite_chart") if len(json.loads(chart.proto.spec)["layer"]) == 2
    ]
    assert len(banded) == (kind == "ppo"), "the standard errors of rewards"
    specs = [chart.proto.spec for chart in page.get("vega_lite_chart")]
    legends = [
        json.loads(spec)["layer"][0]["encoding"]["color"]["legend"] for spec in specs if "legend" in spec
    ]
    assert legends and all(legend["columns"] == 2 for legend in legends), "three are cut off on a phone"


def test_how_full_the_memory_is_begins_at_zero_in_units_that_fit(
    engine: ScriptedEngine, tmp_path: Path
) -> None:
    run = learning(tmp_path, "sft", {})
    for step in (1, 2):
        run.add_metric(Metric(now(), step, step / 10, loss=1.0, memory_bytes=630_000_000 + step))
    page = opened("training", training="one")
    assert ("메모리", 630_000_001) in drawn(page)
    specs = [json.loads(chart.proto.spec) for chart in page.get("vega_lite_chart")]
    (memory,) = [spec for spec in specs if "메모리" in str(spec)]
    y = memory["layer"][0]["encoding"]["y"]
    assert y["scale"]["zero"] is True and "MB" in y["axis"]["labelExpr"]


def test_bar_and_curves_say_the_same_step(engine: ScriptedEngine, tmp_path: Path) -> None:
    learning(tmp_path, "ppo", {step: {"reward": 0.5, "reward_se": 0.04, "kl": 2.25} for step in (1, 2, 3)})
    page = opened("training", training="one")
    assert "20스텝 가운데 3" in str(page.get("progress")[0].proto.text)
    assert "보상 0.50 ± 0.04" in plain(page) and "KL 2.2" in plain(page)


def test_a_step_is_told_once_for_bar_curves_time_left_and_terminal(
    engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status on disk is written once a second at most, so it stays behind what the steps told."""
    run = learning(tmp_path, "sft", {})
    for step in (1, 9):
        run.add_metric(Metric(now(), step, step / 8, loss=1.0, seconds_left=1200.0 - step * 60))
    with run.metrics_path.open("a") as file:
        file.write('{"at": "x", "step": 10, "ep')
    held = jobs.job(tmp_path, "one")
    assert held is not None and (held.status.step, held.status.seconds_left) == (9, 660.0)
    assert line_of(held.status, None).split("  ")[1:] == ["step 9 of 20", "epoch 1.12", "11 min 00 s left"]
    stale = replace(held, status=replace(held.status, step=4, seconds_left=990.0))
    monkeypatch.setattr(jobs, "job", lambda *_: stale)
    page = opened("training", training="one")
    assert "20스텝 가운데 9 · 에폭 1.12" in str(page.get("progress")[0].proto.text)
    assert "11분 남음" in plain(page)
    assert max(row["step"] for row in rows(page)) == 9


def answers(step: int, said: str) -> SampledAnswers:
    answer = {"question": "수도는?", "expected": "서울", "answer": said, "reward": step / 10}
    return SampledAnswers(step, (answer, {"question": HOSTILE, "expected": "", "answer": "", "reward": None}))


def test_the_newest_answers_are_shown_until_somebody_looks_back(
    engine: ScriptedEngine, tmp_path: Path
) -> None:
    run = learning(tmp_path, "ppo", {1: {"reward": 0.5}})
    run.add_samples(answers(5, "다섯"))
    page = opened("training", training="one")
    assert "다섯" in plain(page) and HOSTILE in [text.value for text in page.text]
    run.add_samples(answers(10, "열"))
    assert "열" in plain(page.run()) and "보상 1.00" in plain(page)
    page.select_slider(key=training.SAMPLE_STEP).set_value(5).run()
    run.add_samples(answers(15, "열다섯"))
    assert "다섯" in plain(page.run()) and "열다섯" not in plain(page)
    page.select_slider(key=training.SAMPLE_STEP).set_value(15).run()
    run.add_samples(answers(20, "스물"))
    assert "스물" in plain(page.run())


def told(*steps: tuple[float, float, float]) -> list[Metric]:
    names = ("held_out_reward", "held_out_exact", "reward_level")
    return [
        Metric("", number, 0.0, figures=dict(zip(names, step, strict=True)))
        for number, step in enumerate(steps, 1)
    ]


def test_a_reward_that_rises_while_answers_fall_is_said(engine: ScriptedEngine, tmp_path: Path) -> None:
    steps = {5: (0.1, 0.1), 10: (0.5, 0.5), 15: (0.9, 0.04)}
    named = {n: {"reward": r, "held_out_reward": r, "held_out_exact": e} for n, (r, e) in steps.items()}
    learning(tmp_path, "grpo", named)
    shown = plain(opened("training", training="one"))
    assert "(0.50 → 0.90)" in shown and "(10스텝 0.50 → 15스텝 0.04)" in shown


def test_only_a_fall_beyond_noise_under_a_risen_reward_is_hacking() -> None:
    assert drift(told((0.1, 0.1, 0), (0.5, 0.5, 0), (0.9, 0.45, 0))) is None, "within noise"
    assert drift(told((0.9, 0.5, 0), (0.2, 0.1, 0))) is None, "the reward fell as well"
    assert drift(told((0.1, 0.1, 0), (0.9, 0.5, 0))) is None
    assert drift([]) is None
    parts = [{"reward": r, "reward_se": 0.05, "reward_ended": e} for r, e in ((0.1, 1.0), (0.6, 0.3))]
    found = drift([Metric("", n, 0.0, figures=figures) for n, figures in enumerate(parts)])
    assert found is not None and found.fallen == "reward_ended"
    noisy: list[dict[str, Any]] = [{**each, "reward_ended_se": 0.3} for each in parts]
    assert drift([Metric("", n, 0.0, figures=figures) for n, figures in enumerate(noisy)]) is None
