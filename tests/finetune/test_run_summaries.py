"""What a list of trainings says of each: its main figure before and after, and how long it was at work.

Run: python -m pytest tests/finetune/test_run_summaries.py
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from finetune import jobs
from finetune.kinds import KINDS
from finetune.run_folder import RunFolder, TrainingState, TrainingStatus, now, run_folder
from finetune.run_reports import Metric
from finetune.run_summary import elapsed

BEGAN = datetime(2026, 1, 2, tzinfo=UTC)
REPORTS: dict[str, dict[str, Any]] = {
    "sft": {"held_out": {"before": {"loss": 2.5}, "after": {"loss": 0.5}}},
    "reward": {"held_out_before": {"accuracy": 2.5}, "held_out": {"accuracy": 0.5}},
}
BY_ANSWERS = {"held_out": {"reward_before": 2.5, "reward_after": 0.5}}
AWRY: list[Any] = [None, [], "x", {"before": 3}, {"before": {"loss": "low"}}, {"after": {"loss": True}}]


def written(home: Path, kind: str, state: TrainingState = TrainingState.DONE) -> RunFolder:
    run = run_folder(home, f"run-of-{kind}")
    run.path.mkdir(parents=True)
    run.write("manifest.json", {"started": now(), "kind": kind, "settings": {}})
    run.set_status(TrainingStatus(state, started=(datetime.now(UTC) - timedelta(seconds=90)).isoformat()))
    return run


def told(home: Path, run: RunFolder) -> jobs.RunSummary:
    job = jobs.job(home, run.name)
    assert job is not None
    return jobs.summary(home, job)


@pytest.mark.parametrize("kind", KINDS)
def test_the_main_figure_of_every_kind_is_told_as_soon_as_it_is_measured(tmp_path: Path, kind: str) -> None:
    run = written(tmp_path, kind, TrainingState.STOPPED)
    begun = told(tmp_path, run)
    assert (begun.before, begun.after) == (None, None) and 89 < (begun.seconds or 0) < 99
    for value in (0.9, 0.7):
        run.add_metric(Metric(now(), 1, 0.1, loss=1.0, figures={begun.figure: value}))
    run.add_metric(Metric(now(), 2, 0.2, loss=1.0))
    assert told(tmp_path, run).after == 0.7
    run.write("report.json", {**REPORTS.get(kind, BY_ANSWERS), "seconds": 5000})
    done = told(tmp_path, run)
    assert (done.before, done.after, done.seconds) == (2.5, 0.5, 5000)


@pytest.mark.parametrize("part", AWRY)
def test_a_spoiled_report_tells_nothing_and_breaks_nothing(tmp_path: Path, part: Any) -> None:
    run = written(tmp_path, "sft")
    run.write("report.json", {"held_out": part, "seconds": part})
    run.write("manifest.json", {"started": now(), "settings": {}, "plan": part})
    found = told(tmp_path, run)
    assert (found.before, found.after, found.decided) == (
        None,
        None,
        {"before": 3} if part == AWRY[3] else {},
    )


def test_the_time_between_a_stop_and_its_resuming_is_not_counted() -> None:
    moments = [0, 2, 4, 6, 90_000, 90_002]
    metrics = [
        Metric((BEGAN + timedelta(seconds=each)).isoformat(), at, 0.0) for at, each in enumerate(moments)
    ]
    assert elapsed(metrics) == [0, 2, 4, 6, 8, 10]
    slow = [replace(each, at=(BEGAN + timedelta(hours=at)).isoformat()) for at, each in enumerate(metrics)]
    assert elapsed(slow)[-1] == 5 * 3600, "steps of an hour are no pauses"
    assert elapsed([replace(metrics[0], at="?"), *metrics[1:3]]) == [None, 0, 2]
    assert elapsed([]) == []
