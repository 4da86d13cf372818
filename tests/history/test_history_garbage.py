"""A file that is no database is moved aside, never overwritten; what is under way goes on in a new one.

Run: python -m pytest tests/history
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from history.history import History
from history.records import HistoryFilter
from tests.history.history_house import answered, asked, found, is_sound, keep, opened, texts

GARBAGE = b"This is not a database. " * 500


def aside(home: Path) -> list[Path]:
    return sorted(home.glob("narani.db.damaged-*[0-9]"))


@pytest.mark.parametrize("garbage", [GARBAGE, b"x", b"SQLite format 3\0" + b"\xff" * 5000])
def test_garbage_is_moved_aside_and_a_new_one_begun(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / "narani.db").write_bytes(garbage)
    history = opened(tmp_path)
    (moved,) = aside(tmp_path)
    assert moved.read_bytes() == garbage and history.status().set_aside == moved.name
    assert history.status().problem is None
    head = keep(history, asked())
    assert found(history) == [head.id]
    history.close()


def test_what_was_moved_aside_is_never_overwritten(tmp_path: Path) -> None:
    for count in range(3):
        (tmp_path / "narani.db").write_bytes(GARBAGE + bytes([count]))
        opened(tmp_path).close()
    assert sorted(path.read_bytes()[-1] for path in aside(tmp_path)) == [0, 1, 2]


def test_a_database_that_lost_its_middle_is_moved_aside_when_that_is_seen(tmp_path: Path) -> None:
    first = opened(tmp_path)
    for count in range(30):
        keep(first, asked(f"질문 {count}"), "긴 답 " * 200)
    first.close()
    whole = (tmp_path / "narani.db").read_bytes()
    (tmp_path / "narani.db").write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    history = opened(tmp_path)
    head = keep(history, asked("새로"))
    assert found(history) == [head.id] and len(aside(tmp_path)) == 1
    assert history.status().set_aside == aside(tmp_path)[0].name
    history.close()
    assert is_sound(tmp_path)


@pytest.mark.parametrize("checkpointed", [False, True])
def test_garbage_while_running_loses_no_answer_of_what_is_under_way(
    tmp_path: Path, checkpointed: bool
) -> None:
    history = opened(tmp_path)
    keep(history, asked("이미 끝난 것"))
    head = asked(models=("가", "나", "다"))
    history.begin(head)
    history.store(head.id, answered(head, 0, "하나"))
    if checkpointed:
        with closing(sqlite3.connect(tmp_path / "narani.db")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (tmp_path / "narani.db").write_bytes(GARBAGE)
    history.store(head.id, answered(head, 1, "둘"))
    assert texts(history, head) == ["하나", "둘", None]
    (moved,) = aside(tmp_path)
    assert moved.read_bytes() == GARBAGE and history.status().set_aside == moved.name
    assert moved.with_name(moved.name + "-wal").exists()
    history.store(head.id, answered(head, 2, "셋"))
    assert found(history, HistoryFilter(words="하나")) == [head.id]
    history.close()
    assert is_sound(tmp_path)


def test_a_file_taken_away_while_running_is_made_anew(tmp_path: Path) -> None:
    history = opened(tmp_path)
    head = asked()
    history.begin(head)
    for path in tmp_path.glob("narani.db*"):
        path.unlink()
    history.store(head.id, answered(head))
    assert texts(history, head) == ["빛이 흩어져서요.", None]
    history.close()
    assert is_sound(tmp_path)


def test_reading_garbage_moves_it_aside_too(history: History, tmp_path: Path) -> None:
    keep(history, asked())
    (tmp_path / "narani.db").write_bytes(GARBAGE)
    assert found(history) == [] and len(aside(tmp_path)) == 1
