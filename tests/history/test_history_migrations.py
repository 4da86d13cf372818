"""The version number: older databases are brought up, newer ones left alone.

Run: python -m pytest tests/comparison/history
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text

from history.history import History
from history.records import BatchHead, StoredState
from history.schema import STEPS, NewerDatabase, bring_up_to_date, version_of
from tests.history.history_house import NOON, asked, found, keep, opened, states


def test_a_new_database_has_the_newest_version(history: History, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "narani.db")) as connection:
        assert connection.execute("SELECT version FROM narani_version").fetchall() == [(len(STEPS),)]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_every_connection_waits_for_the_disk(history: History) -> None:
    def pragmas(connection: Connection) -> list[object]:
        names = ("synchronous", "foreign_keys", "busy_timeout")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    full = 2
    assert history._database.read(pragmas) == history._database.write(pragmas) == [full, 1, 200]


def test_it_is_opened_again_as_it_was(tmp_path: Path) -> None:
    first = opened(tmp_path)
    head = keep(first, asked())
    first.close()
    second = opened(tmp_path)
    assert found(second) == [head.id]
    second.close()


def test_a_newer_database_is_refused_in_one_sentence_and_left_alone(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "narani.db")) as connection:
        connection.execute("UPDATE narani_version SET version = 99")
        connection.commit()
    before = (tmp_path / "narani.db").read_bytes()
    with pytest.raises(NewerDatabase, match="newer Narani") as refused:
        opened(tmp_path)
    assert "99" in str(refused.value) and "/" not in str(refused.value)
    assert (tmp_path / "narani.db").read_bytes() == before
    assert not list(tmp_path.glob("*.damaged*"))


def test_each_missing_step_is_taken_once_and_in_order() -> None:
    taken: list[int] = []

    def step(number: int) -> None:
        taken.append(number)

    steps = [lambda connection, number=number: step(number) for number in range(3)]
    with create_engine("sqlite://").begin() as connection:
        bring_up_to_date(connection, steps[:1])
        bring_up_to_date(connection, steps)
        bring_up_to_date(connection, steps)
        assert taken == [0, 1, 2] and version_of(connection) == 3


@pytest.mark.parametrize("version", range(1, len(STEPS)))
def test_a_database_of_each_older_version_opens_with_what_it_holds(tmp_path: Path, version: int) -> None:
    first = opened(tmp_path)
    done, running = keep(first, asked()), asked("끝나지 않은 것")
    first.begin(running)
    first.begin_batch(BatchHead("batch", "me", NOON, "묶음", ("가", "나")), [asked(batch="batch")])
    first.close()
    with closing(sqlite3.connect(tmp_path / "narani.db")) as connection:
        for since, undo in enumerate(_UNDONE, start=1):
            if since >= version:
                connection.executescript(undo)
        connection.execute("UPDATE narani_version SET version = ?", (version,))
        connection.commit()
    history = opened(tmp_path)
    assert states(history, done) == [StoredState.DONE] * 2
    assert states(history, running) == [StoredState.INTERRUPTED] * 2, "nobody knows who answered it"
    batch = history.batch("me", "batch")
    assert batch is not None and not batch.elsewhere and history.take_batch("batch")
    keep(history, asked("새로"))
    history.close()


_UNDONE = ("ALTER TABLE answers DROP COLUMN process; ALTER TABLE batches DROP COLUMN process;",)
"""What leads back from each version to the one before it."""


def test_a_step_that_fails_changes_nothing(tmp_path: Path) -> None:
    def half(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE half (x)"))
        raise ZeroDivisionError

    history = opened(tmp_path)
    history.close()
    engine = create_engine(f"sqlite:///{tmp_path / 'narani.db'}")
    connection = engine.connect()
    connection.execute(text("BEGIN IMMEDIATE"))
    with pytest.raises(ZeroDivisionError):
        bring_up_to_date(connection, [*STEPS, half])
    connection.rollback()
    assert version_of(connection) == len(STEPS)
    assert connection.execute(text("SELECT count(*) FROM sqlite_master WHERE name = 'half'")).scalar() == 0
    connection.close()
    engine.dispose()
