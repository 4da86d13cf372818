"""The version number: older databases are brought up, newer ones left alone.

Run: python -m pytest tests/history
"""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, inspect, text

from engines.base import Answer, AnswerRequest, FinishReason, GenerationSettings, Measures
from errors import AS_WRITTEN, Cause
from history.history import History
from history.records import (
    AnswerMark,
    BatchHead,
    HistoryFilter,
    MarkChange,
    Marked,
    RunHead,
    StoredAnswer,
    StoredState,
    mark_of,
)
from history.schema import STEPS, NewerDatabase, bring_up_to_date, version_of
from prompts.conversation import Conversation, Turn
from tests.history.history_house import NOON, asked, found, keep, opened, states

_TURNS = (
    Turn("첫 질문", "읽을거리", "첫 답"),
    Turn('"quantisation": 둘째 질문', '{"quantisation":"nf4"}'),
)
REQUEST = AnswerRequest(
    "koalpaca",
    Conversation(_TURNS, system="너는 돕는다."),
    GenerationSettings(0.7, 0.9, 40, 1.1, 64, 2**63 - 1, ("###", "끝\n")),
    format_id="kullm",
    quantization="nf4",
    thinking=False,
    reproducible=True,
)
PLAIN = AnswerRequest("demo", Conversation.ask("왜?"))
FAILED = Answer(
    model_id="koalpaca",
    text="답\n\0끝 😀 각",
    finish_reason=FinishReason.FAILED,
    settings=REQUEST.settings,
    prompt="### 질문: 하늘\n\n### 답변:",
    format_id="kullm",
    revision="0123abcd",
    quantization="nf4",
    measures=Measures(17, 99, 1.5, 0.25, 3.125, 31.5, 44.25, 2**40),
    cause=Cause(AS_WRITTEN, category="out-of-memory", sentence="메모리가 모자랍니다."),
)
AGAIN = replace(
    Answer("demo", "둘째 답", FinishReason.EOS, PLAIN.settings, "### 질문: 왜?", "koalpaca"),
    quantization="int8",
)


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
    history = _older(tmp_path, version)
    whole = history.get("me", "whole")
    assert whole is not None and whole.head == RunHead("whole", "me", NOON, (REQUEST, PLAIN), "earlier")
    later = NOON + timedelta(seconds=2)
    assert whole.answers == (
        StoredAnswer(0, 1, StoredState.FAILED, FAILED, NOON, later),
        StoredAnswer(1, 2, StoredState.STOPPED, AGAIN, NOON, later),
    )
    assert next(history.flat("me", ["whole"]))["text"] == [FAILED.text, "빛이 흩어져서요.", AGAIN.text]
    assert history.preferences("me") == {
        "language": "ko",
        "models": ["koalpaca", "demo"],
        "max_new_tokens": 64,
    }
    assert found(history, HistoryFilter(quantization="int8")) == ["whole"]
    history.close()


@pytest.mark.parametrize("version", range(1, len(STEPS)))
def test_what_was_under_way_in_an_older_database_can_be_taken_up(tmp_path: Path, version: int) -> None:
    history = _older(tmp_path, version)
    running = RunHead("running", "me", NOON, (PLAIN,))
    assert states(history, running) == [StoredState.INTERRUPTED], "nobody knows who answered it"
    batch = history.batch("me", "batch")
    assert batch is not None and not batch.elsewhere and history.take_batch("batch")
    assert (batch.head, batch.wanted, batch.done) == (
        BatchHead("batch", "me", NOON, "묶음", ("koalpaca",)),
        1,
        0,
    )
    planned = RunHead("planned", "me", NOON, (REQUEST,), None, "batch")
    assert [run.head for run in history.batch_runs("me", "batch")] == [planned]
    keep(history, planned, extras={"search": {"sources": []}})
    kept = history.get("me", "planned")
    assert kept is not None and kept.answers[0].answer is not None
    assert kept.answers[0].answer.extras == {"search": {"sources": []}}
    keep(history, asked("새로"))
    history.close()


@pytest.mark.parametrize("version", range(1, len(STEPS)))
def test_a_database_that_was_brought_up_has_the_tables_of_a_new_one(tmp_path: Path, version: int) -> None:
    opened(tmp_path / "new").close()
    _older(tmp_path / "old", version).close()
    assert _tables(tmp_path / "new") == _tables(tmp_path / "old")


def test_a_mark_of_before_its_columns_is_read_found_and_exported(tmp_path: Path) -> None:
    history = _older(tmp_path, 4)
    assert found(history, HistoryFilter(marks=(Marked.BETTER,))) == ["marked"]
    assert found(history, HistoryFilter(marks=(Marked.UNRATED,))) == ["whole"]
    assert next(history.flat("me", ["marked"]))["mark"] == [None, "better"], "another room's mark is none"
    stored = history.get("me", "marked")
    assert stored is not None and stored.answers[1].answer is not None
    assert mark_of(stored.answers[1].answer.extras) == AnswerMark(better=True, over=((0, 1),))
    history.mark("me", "marked", 0, MarkChange(better=True, note="이쪽"))
    flat = next(history.flat("me", ["marked"]))
    assert (flat["mark"], flat["note"]) == (["better", None], ["이쪽", None])
    assert flat["extras"][1] == '{"search":{"sources":[]}}'
    history.close()


def test_a_measure_that_is_new_gets_its_column_when_an_older_database_opens(tmp_path: Path) -> None:
    first = opened(tmp_path)
    before = keep(first, asked(models=("가",)), measures=Measures(tokens_out=3, peak_bytes=5))
    first.close()
    with closing(sqlite3.connect(tmp_path / "narani.db")) as connection:
        connection.execute("ALTER TABLE answers DROP COLUMN peak_bytes")
    second = opened(tmp_path)
    after = keep(second, asked(models=("가",)), measures=Measures(tokens_out=4, peak_bytes=6))
    kept = [second.get("me", head.id) for head in (before, after)]
    assert [run.answers[0].answer.measures for run in kept if run and run.answers[0].answer] == [
        Measures(tokens_out=3),
        Measures(tokens_out=4, peak_bytes=6),
    ]
    second.close()


def _older(home: Path, version: int) -> History:
    """Written by Narani when that was its version, with one answer still running."""
    home.mkdir(exist_ok=True)
    packed = Path(__file__).parent / "written_before" / f"version-{version}.db.gz"
    (home / "narani.db").write_bytes(gzip.decompress(packed.read_bytes()))
    return opened(home)


def _tables(home: Path) -> dict[str, object]:
    """A column that was added later stands last; nothing depends on the order."""
    engine = create_engine(f"sqlite:///{home / 'narani.db'}")
    looking = inspect(engine)
    tables: dict[str, object] = {
        name: (
            {column["name"]: {**column, "type": str(column["type"])} for column in looking.get_columns(name)},
            sorted(map(str, looking.get_indexes(name))),
            sorted(map(str, looking.get_foreign_keys(name))),
            sorted(map(str, looking.get_unique_constraints(name))),
            looking.get_pk_constraint(name),
        )
        for name in looking.get_table_names()
    }
    engine.dispose()
    return tables


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
