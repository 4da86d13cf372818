"""Another database by its address: the same statements, words looked for without an index.

Run: python -m pytest tests/history
"""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, Dialect
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from history import indexing, reading, word_index
from history.records import HistoryFilter
from history.schema import Kept, metadata
from tests.history.history_house import answered, asked, found, keep, opened


def test_an_sqlite_database_may_lie_elsewhere(tmp_path: Path) -> None:
    history = opened(tmp_path / "home", url=f"sqlite:///{tmp_path / 'elsewhere.db'}")
    head = keep(history, asked("한국은행"))
    assert found(history, HistoryFilter(words="은행")) == [head.id]
    history.close()
    assert (tmp_path / "elsewhere.db").exists() and not (tmp_path / "home" / "narani.db").exists()


def test_without_an_index_words_are_found_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(connection: Connection) -> bool:
        return False

    for module in (indexing, reading, word_index):
        monkeypatch.setattr(module, "has_word_index", without)
    history = opened(tmp_path, undo_seconds=0)
    head = keep(history, asked("한국은행의 GPU", models=("가",)), "100%_ 이자")
    keep(history, asked("다른 것"))
    for words in ("은행", "은", "gpu", "이자", "은행 이자", "%_"):
        assert found(history, HistoryFilter(words=words)) == [head.id], words
    for words in ("금리", "은행 금리", "0_ 이"):
        assert found(history, HistoryFilter(words=words)) == [], words
    history.store(head.id, answered(head, 0, "새 답"))
    assert found(history, HistoryFilter(words="이자")) == [] and found(
        history, HistoryFilter(words="새 답")
    ) == [head.id]
    history.delete("me", [head.id])
    history.close()
    again = opened(tmp_path, undo_seconds=0)
    assert again.restore("me", [head.id]) == 0
    again.close()


@pytest.mark.parametrize("dialect", [postgresql.dialect(), mysql.dialect()], ids=lambda it: it.name)
def test_the_tables_can_be_said_in_other_dialects(dialect: Dialect) -> None:
    for table in metadata.sorted_tables:
        assert str(CreateTable(table).compile(dialect=dialect))
        assert all(str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes)


@pytest.mark.parametrize(
    ("text", "kept"), [("가\0나", "가\ufffd나"), ("a\0", "a\ufffd"), ("\ud800가", "\ufffd가"), ("가", "가")]
)
def test_what_others_do_not_take_is_replaced(text: str, kept: str) -> None:
    assert Kept().process_bind_param(text, postgresql.dialect()) == kept
