"""A disk that is full, a database that is locked or read-only: nothing that was answered is lost.

Run: python -m pytest tests/history
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from errors import NaraniError
from history.records import HistoryFilter, HistoryStatus, StoredState
from tests.history.history_house import (
    answered,
    asked,
    found,
    is_sound,
    keep,
    opened,
    states,
    texts,
)

NOTHING_WAITS = HistoryStatus()


def until(holds: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)
    return holds()


# -- locked


def test_locked_for_long_it_says_so_and_stores_it_later(tmp_path: Path) -> None:
    history = opened(tmp_path)
    head = asked(models=("가", "나"))
    history.begin(head)
    with closing(sqlite3.connect(tmp_path / "narani.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(NaraniError) as refused:
            history.store(head.id, answered(head, 0, "하나"))
        assert (refused.value.category, refused.value.facts["problem"]) == ("not-stored", "locked")
        assert "memory" in str(refused.value) and str(tmp_path) not in str(refused.value)
        assert history.status() == HistoryStatus(unsaved=1, problem="locked")
        assert history.unsaved(head.id, 0) and not history.unsaved(head.id, 1)
        later = asked("잠긴 동안")
        history.begin(later)
        with pytest.raises(NaraniError):
            history.store(later.id, answered(later, 1, "둘"))
        assert history.status().unsaved == 2
        assert states(history, head) == [StoredState.RUNNING] * 2, "it can be read meanwhile"
    assert until(lambda: history.status() == NOTHING_WAITS)
    assert texts(history, head) == ["하나", None] and texts(history, later) == [None, "둘"]
    assert found(history, HistoryFilter(words="하나")) == [head.id] and not history.unsaved(head.id, 0)
    history.close()


def test_locked_for_a_moment_nobody_notices(tmp_path: Path) -> None:
    history = opened(tmp_path, busy_seconds=5)
    head = asked()
    history.begin(head)
    holder = sqlite3.connect(tmp_path / "narani.db", isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, holder.rollback)
    release.start()
    history.store(head.id, answered(head))
    release.join()
    holder.close()
    assert history.status() == NOTHING_WAITS and texts(history, head)[0] is not None
    history.close()


def test_whoever_asks_does_not_wait_for_a_locked_database(tmp_path: Path) -> None:
    """It would be waited for without end: what begins and what is asked again is on its way, and is written
    before its answer once the lock is gone."""
    history = opened(tmp_path, busy_seconds=3600, post_seconds=0.3)
    head, known = asked(), keep(history, asked("먼저"))
    with closing(sqlite3.connect(tmp_path / "narani.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")

        def ask() -> None:
            history.begin(head)
            history.begin_attempt(known.id, 0, 2, known.requests[0])

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(30)
        assert not asking.is_alive()
        assert found(history) == [known.id]
    history.store(head.id, answered(head, 0, "하나"))
    assert texts(history, head)[0] == "하나" and states(history, known)[0] is StoredState.RUNNING
    history.close()


def test_what_waits_at_the_end_is_written_by_close(tmp_path: Path) -> None:
    history = opened(tmp_path, retry_seconds=60)
    head = asked()
    with closing(sqlite3.connect(tmp_path / "narani.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        history.begin(head)
        assert until(lambda: history.status() == HistoryStatus(unsaved=0, problem="locked"))
    history.close()
    again = opened(tmp_path)
    assert found(again) == [head.id]
    again.close()


def test_what_is_asked_of_a_locked_history_says_why_not(tmp_path: Path) -> None:
    history = opened(tmp_path)
    head = keep(history, asked())
    with closing(sqlite3.connect(tmp_path / "narani.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        for change in (lambda: history.delete("me", [head.id]), lambda: history.prefer("me", x=1)):
            with pytest.raises(NaraniError) as refused:
                change()
            assert refused.value.facts["problem"] == "locked"
    assert history.delete("me", [head.id]) == 1
    history.close()


def test_many_threads_store_at_once(tmp_path: Path) -> None:
    history = opened(tmp_path, busy_seconds=5)
    heads = [asked(f"질문 {count}", models=("가", "나", "다")) for count in range(12)]

    def ask(head_number: int) -> None:
        keep(history, heads[head_number], "하나", "둘", "셋")
        found(history, HistoryFilter(words="질문"))

    threads = [threading.Thread(target=ask, args=(count,)) for count in range(len(heads))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(texts(history, head) == ["하나", "둘", "셋"] for head in heads)
    assert history.status() == NOTHING_WAITS and len(found(history)) == 12
    history.close()


# -- a full disk


def test_a_full_disk_gives_up_its_reserved_space_first_then_says_so_and_goes_on(small_disk: Path) -> None:
    history = opened(small_disk, reserved_bytes=200_000)
    head = keep(history, asked("앞"))
    reserved = small_disk / "narani.db.ballast"
    assert reserved.stat().st_size == 200_000
    filler = small_disk / "filler"
    fill(filler)
    long = asked("가득", models=tuple(f"m{count}" for count in range(40)))
    history.begin(long)
    stored = 0
    with pytest.raises(NaraniError) as refused:
        for stored in range(40):
            history.store(long.id, answered(long, stored, f"{stored} " + "길다" * 3000))
    assert refused.value.facts["problem"] == "full" and not reserved.exists()
    assert stored >= 1, "what was reserved was room for one more"
    assert history.status() == HistoryStatus(unsaved=1, problem="full")
    assert texts(history, head)[0] is not None and history.unsaved(long.id, stored)
    filler.unlink()
    assert until(lambda: history.status() == NOTHING_WAITS)
    kept = [text is not None for text in texts(history, long)]
    assert kept == [position <= stored for position in range(40)]
    assert until(reserved.exists)
    history.close()
    assert is_sound(small_disk)


def test_a_disk_that_is_full_from_the_start(small_disk: Path) -> None:
    filler = small_disk / "filler"
    fill(filler)
    history = opened(small_disk / "home")
    assert history.status().problem == "full"
    with pytest.raises(NaraniError, match="disk is full"):
        history.page("me")
    head = asked()
    history.begin(head)
    with pytest.raises(NaraniError):
        history.store(head.id, answered(head))
    filler.unlink()
    assert until(lambda: history.status() == NOTHING_WAITS)
    assert texts(history, head) == ["빛이 흩어져서요.", None]
    history.close()


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as filling:
        for piece in (65536, 4096, 512, 1):
            try:
                while filling.write(b"x" * piece) == piece:
                    pass
            except OSError:
                continue


# -- read-only


def test_a_disk_that_became_read_only(small_disk: Path) -> None:
    first = opened(small_disk)
    old = keep(first, asked("먼저"))
    first.close()
    remount(small_disk, "ro")
    history = opened(small_disk)
    head = asked()
    history.begin(head)
    with pytest.raises(NaraniError) as refused:
        history.store(head.id, answered(head))
    assert refused.value.facts["problem"] == "read-only"
    assert history.status() == HistoryStatus(unsaved=1, problem="read-only")
    remount(small_disk, "rw")
    assert until(lambda: history.status() == NOTHING_WAITS)
    assert found(history) == [head.id, old.id]
    assert list(small_disk.glob("*.damaged*")) == []
    history.close()


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    """Root may write everywhere, so root becomes nobody for a while."""
    me = os.geteuid()
    tmp_path.chmod(0o500)
    os.seteuid(65534 if me == 0 else me)
    try:
        history = opened(tmp_path / "home")
        assert history.status().problem == "read-only"
    finally:
        os.seteuid(me)
        tmp_path.chmod(0o700)
    assert until(lambda: history.status() == NOTHING_WAITS)
    history.close()
