"""Processes that die or share a home: what was acknowledged is there, what was running is marked.

Run: python -m pytest tests/history
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from history.history import History
from history.records import StoredState
from tests.history.history_house import answered, asked, found, is_sound, keep, opened, states

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("history_process.py")
COLUMNS = 3
Other = Callable[[Path, int], "subprocess.Popen[str]"]


@pytest.fixture
def other() -> Iterator[Other]:
    """A process that begins a run of three columns and stores so many of them; gone when the test ends."""
    started: list[subprocess.Popen[str]] = []

    def start(home: Path, stored: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(home), str(COLUMNS), str(stored)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str], position: int) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{position}\n")
    process.stdin.flush()


@pytest.mark.parametrize("stored", range(COLUMNS + 1))
def test_killed_after_some_columns_it_lost_none_of_them(tmp_path: Path, other: Other, stored: int) -> None:
    process = other(tmp_path, stored)
    run_id = line(process)
    assert [line(process) for _ in range(stored)] == [str(position) for position in range(stored)]
    process.kill()
    process.wait()
    history = opened(tmp_path)
    run = history.get("me", run_id)
    assert run is not None and len(run.answers) == COLUMNS
    for answer in run.answers:
        if answer.position < stored:
            assert answer.state is StoredState.DONE
            assert answer.answer is not None and answer.answer.text == f"답 {answer.position}"
        else:
            assert (answer.state, answer.answer) == (StoredState.INTERRUPTED, None)
    history.close()
    assert is_sound(tmp_path)


def test_two_processes_share_a_home(tmp_path: Path, other: Other) -> None:
    process = other(tmp_path, 1)
    run_id = line(process)
    assert line(process) == "0"
    here = opened(tmp_path)
    head = keep(here, asked("여기"))
    run = here.get("me", run_id)
    assert run is not None and [answer.state for answer in run.answers] == [
        *(StoredState.DONE, StoredState.RUNNING, StoredState.RUNNING)
    ], "the other one lives"
    tell(process, 1)
    assert line(process) == "1"
    process.communicate()
    assert found(here) == [head.id, run_id]
    here.close()
    again = opened(tmp_path)
    run = again.get("me", run_id)
    assert run is not None and [answer.state for answer in run.answers] == [
        *(StoredState.DONE, StoredState.STOPPED, StoredState.INTERRUPTED)
    ], "nobody lives who could answer it"
    again.close()


def test_a_process_that_opens_later_does_not_end_what_runs_here(tmp_path: Path, other: Other) -> None:
    here = opened(tmp_path)
    head = asked()
    here.begin(head)
    process = other(tmp_path, 0)
    assert line(process)
    assert states(here, head) == [StoredState.RUNNING] * 2
    here.close()


def test_the_runs_of_a_killed_neighbor_become_interrupted_where_somebody_looks(
    tmp_path: Path, other: Other
) -> None:
    here = opened(tmp_path)
    process, bystander = other(tmp_path, 1), other(tmp_path, 0)
    run_id, beside = line(process), line(bystander)
    assert line(process) == "0"
    mine = asked()
    here.begin(mine)
    assert of(here, run_id) == [StoredState.DONE, StoredState.RUNNING, StoredState.RUNNING]
    process.kill()
    process.wait()
    killed = [StoredState.DONE, StoredState.INTERRUPTED, StoredState.INTERRUPTED]
    until(lambda: of(here, run_id) == killed)
    assert of(here, beside) == [StoredState.RUNNING] * COLUMNS, "its process lives"
    assert states(here, mine) == [StoredState.RUNNING] * 2
    tell(bystander, 1)
    assert line(bystander) == "1"
    here.begin_attempt(run_id, 1, 2, mine.requests[0])
    here.store(run_id, answered(mine, 1, "다시 물은 답", attempt=2))
    assert of(here, run_id) == [StoredState.DONE, StoredState.DONE, StoredState.INTERRUPTED]
    here.close()


def test_an_answer_asked_again_belongs_to_the_process_that_asks_it(tmp_path: Path, other: Other) -> None:
    process = other(tmp_path, 3)
    run_id = line(process)
    assert [line(process) for _ in range(COLUMNS)] == ["0", "1", "2"]
    here = opened(tmp_path)
    again = here.get("me", run_id)
    assert again is not None
    here.begin_attempt(run_id, 0, 2, again.head.requests[0])
    process.kill()
    process.wait()
    later = opened(tmp_path)
    assert of(later, run_id)[0] is StoredState.RUNNING, "it is asked here now"
    here.close()
    until(lambda: of(later, run_id)[0] is StoredState.INTERRUPTED)
    later.close()


def test_what_cannot_be_marked_now_is_read_as_it_is_and_marked_later(tmp_path: Path, other: Other) -> None:
    here = opened(tmp_path)
    process = other(tmp_path, 0)
    run_id = line(process)
    process.kill()
    process.wait()
    with closing(sqlite3.connect(tmp_path / "narani.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        time.sleep(1.1)
        assert of(here, run_id) == [StoredState.RUNNING] * COLUMNS
    until(lambda: of(here, run_id) == [StoredState.INTERRUPTED] * COLUMNS)
    here.close()


def test_the_lock_files_of_the_dead_do_not_pile_up(tmp_path: Path, other: Other) -> None:
    for _ in range(2):
        process = other(tmp_path, 0)
        assert line(process)
        process.kill()
        process.wait()
    assert len(list(tmp_path.glob("narani.db.lock-*"))) <= 2
    opened(tmp_path).close()
    assert list(tmp_path.glob("narani.db.lock*")) == []


def of(history: History, run_id: str) -> list[StoredState]:
    run = history.get("me", run_id)
    assert run is not None
    return [answer.state for answer in run.answers]


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_when_one_puts_a_damaged_file_aside_the_other_goes_on_in_the_new_one(
    tmp_path: Path, other: Other
) -> None:
    process = other(tmp_path, 1)
    run_id = line(process)
    assert line(process) == "0"
    here = opened(tmp_path)
    (tmp_path / "narani.db").write_bytes(b"This is not a database. " * 500)
    mine = keep(here, asked("하늘"))
    tell(process, 1)
    assert line(process) == "1"
    process.communicate()
    last = keep(here, asked("바다"))
    assert found(here) == [last.id, *sorted((mine.id, run_id), key=[mine.id, run_id].index, reverse=True)]
    here.close()
    again = opened(tmp_path)
    run = again.get("me", run_id)
    assert run is not None and [answer.state for answer in run.answers][:2] == [
        *(StoredState.DONE, StoredState.STOPPED)
    ]
    assert len(list(tmp_path.glob("narani.db.damaged-*[0-9]"))) == 1
    assert len(found(again)) == 3
    again.close()
    assert is_sound(tmp_path)


def test_an_answer_of_a_thread_that_was_slow_is_kept_by_close(tmp_path: Path) -> None:
    history = opened(tmp_path)
    head = keep(history, asked())
    history.store(head.id, answered(head, 1, "끝", attempt=1))
    history.close()
    assert not (tmp_path / "narani.db-wal").exists()
