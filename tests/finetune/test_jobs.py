"""Holds trainings as processes: they outlive who began them, wait for their turn, and are never mistaken.

Run: python -m pytest tests/finetune/test_jobs.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from errors import BadRequest, UnknownName
from finetune import jobs
from finetune.job_state import process_of
from finetune.jobs import Job, SftSettings
from finetune.kinds import recorded, settings_of
from finetune.run_folder import RunFolder, TrainingState, TrainingStatus, now, run_folder
from finetune.run_reports import Metric

PRETEND = "tests.finetune.pretend_training"
LONG = 60.0
ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(jobs, "PROCESS", PRETEND)
    yield tmp_path
    for each in jobs.jobs(tmp_path):
        if each.status.pid != os.getpid():
            jobs.stop(tmp_path, each.name, grace=0)


def wished(name: str, seconds: float = LONG, data: str = "a.jsonl") -> SftSettings:
    return SftSettings(base_model="demo-kullm", data=(data,), name=name, epochs=seconds)


def until(home: Path, name: str, holds: Callable[[Job], bool], seconds: float = 30) -> Job:
    end = time.monotonic() + seconds
    while True:
        found = jobs.job(home, name)
        if found is not None and holds(found):
            return found
        assert time.monotonic() < end, (found, jobs.log_tail(home, name))
        time.sleep(0.05)


def in_state(*states: TrainingState) -> Callable[[Job], bool]:
    return lambda found: found.state in states


def test_a_training_runs_in_a_process_and_a_group_of_its_own(home: Path) -> None:
    assert jobs.start(wished("하나", 0.3), home) == "하나"
    begun = jobs.job(home, "하나")
    assert (
        begun is not None
        and begun.state is TrainingState.QUEUED
        and begun.settings["base_model"] == "demo-kullm"
    )
    running = until(home, "하나", in_state(TrainingState.TRAINING, TrainingState.DONE))
    assert running.status.pid is None or os.getpgid(running.status.pid) != os.getpgid(0)
    done = until(home, "하나", in_state(TrainingState.DONE))
    assert done.over and not done.can_resume and done.status.step == 100
    assert [metric.loss for metric in jobs.metrics(home, "하나")] == [2.5, 0.5]
    assert "하나 began" in jobs.log_tail(home, "하나")
    assert jobs.report(home, "하나") is None


def test_it_outlives_the_process_that_began_it(home: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from finetune import jobs; jobs.PROCESS = sys.argv[2]; "
        "jobs.start(jobs.SftSettings(name='lasting', data=('a',), epochs=60.0), Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", code, str(home), PRETEND], cwd=ROOT, check=True)
    until(home, "lasting", in_state(TrainingState.TRAINING))


def test_one_waits_for_the_other_in_order_of_asking(home: Path) -> None:
    jobs.start(wished("first"), home)
    until(home, "first", in_state(TrainingState.TRAINING))
    jobs.start(wished("second"), home)
    jobs.start(wished("a-third"), home)
    assert until(home, "a-third", lambda found: bool(found.status.pid)).ahead == ("first", "second")
    waiting = until(home, "second", lambda found: bool(found.status.pid))
    assert waiting.state is TrainingState.QUEUED and waiting.ahead == ("first",)
    assert [each.name for each in jobs.jobs(home)] == ["a-third", "second", "first"]
    assert jobs.stop(home, "first")
    until(home, "second", in_state(TrainingState.TRAINING))
    assert until(home, "a-third", in_state(TrainingState.QUEUED)).ahead == ("second",)
    assert jobs.stop(home, "a-third")
    stopped = until(home, "a-third", lambda found: found.over)
    assert stopped.state is TrainingState.STOPPED and stopped.can_resume


def test_a_run_begun_in_a_terminal_is_seen_and_waited_for(home: Path) -> None:
    run = written(home, "terminal", TrainingState.TRAINING, pid=os.getpid())
    run.write("manifest.json", {"started": "2024-05-01T10:00:00+09:00", "settings": {"base_model": "x"}})
    found = jobs.job(home, "terminal")
    assert (
        found is not None and found.state is TrainingState.TRAINING and found.settings == {"base_model": "x"}
    )
    jobs.start(wished("after"), home)
    assert until(home, "after", lambda found: bool(found.status.pid)).ahead == ("terminal",)
    written(home, "terminal", TrainingState.DONE)
    until(home, "after", in_state(TrainingState.TRAINING))


def written(home: Path, name: str, state: TrainingState, **fields: object) -> RunFolder:
    run = run_folder(home, name)
    run.path.mkdir(parents=True, exist_ok=True)
    run.write("manifest.json", {"started": now(), "settings": {}})
    run.set_status(replace(TrainingStatus(state), **fields))  # type: ignore[arg-type]
    return run


def test_stop_is_a_wish_first_and_no_wish_after_the_grace(home: Path) -> None:
    jobs.start(wished("willing"), home)
    until(home, "willing", in_state(TrainingState.TRAINING))
    assert jobs.stop(home, "willing")
    assert until(home, "willing", lambda found: found.over).status.step == 7
    jobs.start(wished("deaf", data="deaf.jsonl"), home)
    pid = until(home, "deaf", in_state(TrainingState.TRAINING)).status.pid
    assert pid is not None and jobs.stop(home, "deaf", grace=0.3)
    gone = until(home, "deaf", lambda found: found.over)
    assert gone.state is TrainingState.INTERRUPTED and gone.can_resume
    until(home, "deaf", lambda _: not psutil.pid_exists(pid))  # no zombie stays behind
    assert not jobs.stop(home, "deaf")


def test_a_stopped_run_goes_on(home: Path) -> None:
    jobs.start(wished("again"), home)
    until(home, "again", in_state(TrainingState.TRAINING))
    with pytest.raises(BadRequest, match="is training"):
        jobs.resume(home, "again")
    jobs.stop(home, "again")
    until(home, "again", in_state(TrainingState.STOPPED))
    jobs.resume(home, "again")
    assert until(home, "again", in_state(TrainingState.TRAINING)).settings["resume"] is True


@pytest.mark.parametrize(
    ("data", "says", "code"),
    [("bad.jsonl", "line 3: lacks an answer", "bad-entry"), ("broken.jsonl", "ZeroDivisionError", "error")],
)
def test_what_ends_it_before_it_began_is_said(home: Path, data: str, says: str, code: str) -> None:
    jobs.start(wished("short", data=data), home)
    failed = until(home, "short", lambda found: found.over)
    assert failed.state is TrainingState.FAILED and says in (failed.status.error or "")
    assert failed.status.error_code == code and says in jobs.log_tail(home, "short")
    until(home, "short", lambda found: process_of(found.status) is None)
    jobs.start(wished("short"), home)
    assert says not in jobs.log_tail(home, "short"), "the next try may have the name"


def test_another_process_with_the_number_of_an_old_one_is_not_taken_for_it(home: Path) -> None:
    run = written(home, "old", TrainingState.TRAINING)
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        long_ago = TrainingStatus(TrainingState.TRAINING, pid=other.pid, updated="2024-05-01T10:00:00+09:00")
        run.write("status.json", asdict(long_ago))
        found = jobs.job(home, "old")
        assert found is not None and found.state is TrainingState.INTERRUPTED
        assert not jobs.stop(home, "old")
        assert other.poll() is None
        run.set_status(long_ago)
        alive = jobs.job(home, "old")
        assert alive is not None and alive.state is TrainingState.TRAINING
    finally:
        other.communicate(b"\n")


@pytest.mark.parametrize("pid", [-1, 0, 2**40])
def test_a_number_that_is_no_process_is_not_alive(home: Path, pid: int) -> None:
    written(home, "odd", TrainingState.TRAINING, pid=pid)
    found = jobs.job(home, "odd")
    assert found is not None and found.state is TrainingState.INTERRUPTED and not jobs.stop(home, "odd")


@pytest.mark.parametrize(
    "name",
    [
        "../out",
        "a/b",
        ".hidden",
        "대문자 A",
        "길" * 100,
        "a\0b",
        "nul.",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(home: Path, name: str) -> None:
    with pytest.raises(BadRequest, match="cannot be the name"):
        jobs.start(wished(name), home)
    for ask in (jobs.metrics, jobs.report, jobs.log_tail):
        with pytest.raises(BadRequest):
            ask(home, name)
    with pytest.raises(UnknownName):
        jobs.stop(home, name)
    assert not (home / "runs").exists()


@pytest.mark.parametrize("typed", ["반말", unicodedata.normalize("NFD", "반말"), "Mine", "mine"])
def test_a_taken_name_is_refused_and_what_is_there_stays(home: Path, typed: str) -> None:
    for name in ("mine", "반말"):
        written(home, name, TrainingState.DONE)
    with pytest.raises(BadRequest, match="already"):
        jobs.start(wished(typed), home)
    found = jobs.job(home, typed)
    assert found is not None and found.state is TrainingState.DONE


def test_folders_of_others_are_no_runs(home: Path) -> None:
    for name in ("empty", "half", unicodedata.normalize("NFD", "한글")):
        (home / "runs" / name).mkdir(parents=True)
    (home / "runs" / "half" / "manifest.json").write_text('{"settings": ')
    twin = home / "runs" / unicodedata.normalize("NFD", "한글") / "manifest.json"
    twin.write_text('{"settings": {}}')
    assert jobs.jobs(home) == ()


def test_an_upload_becomes_the_run_s_own(home: Path) -> None:
    upload = home / "uploads" / "x" / "질문.jsonl"
    upload.parent.mkdir(parents=True)
    upload.write_text("{}")
    settings = replace(wished("kept", 0.01), data=(str(upload), "nlpai-lab/kullm-v2"))
    jobs.start(settings, home, uploads=(upload,))
    (own, other) = until(home, "kept", in_state(TrainingState.DONE)).settings["data"]
    assert Path(own) == home / "runs/kept/data/질문.jsonl" and Path(own).read_text() == "{}"
    assert other == "nlpai-lab/kullm-v2" and not upload.exists()


def test_the_log_is_shown_without_what_moves_a_cursor(home: Path) -> None:
    run = written(home, "noisy", TrainingState.DONE)
    run.log.write_bytes("처음\n 10%\r\x1b[32m100%\x1b[0m\n끝\x07\n".encode() + b"\xff")
    assert jobs.log_tail(home, "noisy", 3) == "100%\n끝\n\ufffd"
    run.log.write_bytes(b"x" * 200_000 + b"\nlast\n")
    assert jobs.log_tail(home, "noisy", 1 + 1).endswith("last")


def test_metrics_of_a_run_being_written_are_read_as_far_as_they_go(home: Path) -> None:
    run = written(home, "live", TrainingState.TRAINING)
    run.add_metric(Metric(now(), 1, 0.1, loss=1.0))
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"at": "x", "st')
    assert [metric.step for metric in jobs.metrics(home, "live")] == [1]


def test_settings_come_back_from_json_as_they_were(home: Path) -> None:
    for recipe in jobs.all_recipes():
        settings = recipe.with_defaults()
        assert settings_of(json.loads(json.dumps(recorded(settings)))) == settings


def test_what_was_written_before_there_were_kinds_is_a_supervised_tuning() -> None:
    held = {"settings": {"base_model": "demo-kullm", "keep": "best", "gone": 1}}
    assert settings_of(held) == jobs.SftSettings(base_model="demo-kullm", keep="best")
    with pytest.raises(UnknownName, match="no kind of training named 'dream'"):
        settings_of({**held, "kind": "dream"})


def test_no_torch_comes_with_it() -> None:
    code = "import finetune.jobs, sys; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "streamlit"} & set(shown.stdout.split())
