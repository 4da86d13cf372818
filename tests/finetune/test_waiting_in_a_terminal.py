"""A training begun in a terminal waits like one of the app, says for whom, and leaves when it is told to.

Run: python -m pytest tests/finetune/test_waiting_in_a_terminal.py
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from errors import AS_WRITTEN, Stopped
from finetune import cli_train, running
from finetune.cli_train import Sft
from finetune.job_state import job
from finetune.run_folder import TrainingState, TrainingStatus, run_folder
from tests.finetune.training.training_house import write_rows

ROOT = Path(__file__).parents[2]
SFT = ["sft", "--base-model", "demo-koalpaca", "--recipe", "none", "--name", "second", "--max-steps", "1"]


def at_work(home: Path, state: TrainingState) -> None:
    """A training of this very process, which lives as long as the test."""
    run = run_folder(home, "first")
    run.path.mkdir(parents=True, exist_ok=True)
    run.write("manifest.json", {"started": "2026-01-01T00:00:00+00:00", "settings": {}})
    run.set_status(TrainingStatus(state, pid=os.getpid()))


@contextmanager
def begun(home: Path, *more: str, **changes: Any) -> Iterator[subprocess.Popen[str]]:
    rows = write_rows(home / "rows.jsonl")
    process = subprocess.Popen(
        [sys.executable, "-m", "finetune", *SFT, "--data", str(rows), *more],
        cwd=ROOT,
        env={**os.environ, "NARANI_HOME": str(home), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **changes,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_it_waits_for_its_turn_and_begins_when_that_comes(tmp_path: Path) -> None:
    at_work(tmp_path, TrainingState.TRAINING)
    with begun(tmp_path) as process:
        said = first_line(process)
        assert "Waiting for its turn: first" in said and "--now" in said
        waiting = job(tmp_path, "second")
        assert waiting is not None and (waiting.state, waiting.ahead) == (TrainingState.QUEUED, ("first",))

        at_work(tmp_path, TrainingState.DONE)

        told = process.communicate(timeout=120)[0]
        assert process.returncode == 0 and "The model: second" in told, told


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_whoever_waits_can_leave(tmp_path: Path, number: signal.Signals) -> None:
    at_work(tmp_path, TrainingState.TRAINING)
    with begun(tmp_path) as process:
        first_line(process)
        process.send_signal(number)
        told = process.communicate(timeout=60)[0]
    left = job(tmp_path, "second")
    assert process.returncode == 130 and "Stopped while it waited" in told
    assert left is not None and left.state is TrainingState.STOPPED and left.can_resume


def test_nohup_keeps_it_waiting(tmp_path: Path) -> None:
    at_work(tmp_path, TrainingState.TRAINING)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup begins a command
    try:
        with begun(tmp_path) as process:
            first_line(process)
            process.send_signal(signal.SIGHUP)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(2)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("distributed", "now"), [("none", False), ("ddp", False), ("none", True), ("ddp", True)]
)
def test_several_processes_wait_too_and_now_waits_for_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, distributed: Any, now: bool
) -> None:
    """Whether it waits is decided before any process is begun."""
    at_work(tmp_path, TrainingState.TRAINING)
    learned: list[str] = []

    def learn(settings: Any, *rest: Any) -> int:
        learned.append(settings.distributed)
        return 0

    def stop(seconds: float) -> None:
        raise Stopped(AS_WRITTEN, sentence="enough")

    monkeypatch.setattr(running, "_learn", learn)
    monkeypatch.setattr(running, "spread", learn)
    monkeypatch.setattr("finetune.queueing.time.sleep", stop)
    options = Sft(base_model="demo-koalpaca", data=("x",), distributed=distributed, now=now, processes=2)
    if now:
        assert cli_train.run(options, tmp_path) == 0 and learned == [distributed]
    else:
        with pytest.raises(Stopped):
            cli_train.run(options, tmp_path)
        assert learned == []
