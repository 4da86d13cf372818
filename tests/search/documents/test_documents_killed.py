"""A process that is killed while it indexes loses one transaction, and two that index at once do no harm.

Run: python -m pytest tests/search/documents/test_documents_killed.py
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from search.documents import updating
from search.documents.store import IndexStore
from search.watch import SearchWatch
from tests.search.documents.document_folders import DocumentFolder, held

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the analyzer is loaded once and then forked")

TEXT = "제주도에서는 감귤이 자란다. 돌하르방이 마을 어귀에 서 있다. "
WORDS = ("펭귄", "코끼리", "다람쥐")


@pytest.fixture
def full(folder: DocumentFolder, monkeypatch: pytest.MonkeyPatch) -> DocumentFolder:
    """A folder with something of each kind, indexed in small transactions."""
    monkeypatch.setattr(updating, "_BATCH_PASSAGES", 3)
    for number in range(3):
        folder.write(f"{number}.txt", f"{WORDS[number]} 이야기. {TEXT * (8 * number + 1)}")
    lines = (json.dumps({"_id": str(number), "text": f"줄 {number}번. {TEXT}"}) for number in range(9))
    folder.write("lines.jsonl", "\n".join(lines))
    folder.write("broken.txt", "\0")
    return folder


def killed_at(folder: DocumentFolder, write: int) -> bool:
    """Index in a process that kills itself before it writes for that time; whether it came so far."""
    child = os.fork()
    if child == 0:
        try:
            _update_until(folder, write)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def _update_until(folder: DocumentFolder, write: int) -> None:
    signal.alarm(60)
    writes = 0

    def count(statement: str) -> None:
        nonlocal writes
        if statement.startswith(("INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "COMMIT")):
            writes += 1
            if writes == write:
                os.kill(os.getpid(), signal.SIGKILL)

    made = IndexStore.__init__

    def traced(store: IndexStore, path: Path) -> None:
        made(store, path)
        store._database.set_trace_callback(count)

    IndexStore.__init__ = traced  # type: ignore[method-assign, assignment]
    folder.update()
    os._exit(0)


def test_an_index_whose_process_is_killed_again_and_again_becomes_what_it_would_be(
    full: DocumentFolder, tmp_path: Path
) -> None:
    at_once = replace(full, home=tmp_path / "another home")
    at_once.update()
    documents = 0
    for write in range(1, 400, 29):
        if not killed_at(full, write):
            break
        if list(full.home.glob("search/*.db")):
            had, documents = documents, _documents(full.database)
            assert documents >= had, "what was kept once is lost"
    assert documents, "it was never killed on the way"
    full.update()
    assert held(full.database) == held(at_once.database)


def test_a_process_that_is_killed_while_it_brings_an_index_up_to_date_leaves_the_old_or_the_new(
    full: DocumentFolder, tmp_path: Path
) -> None:
    full.update()
    full.write("0.txt", f"다른 이야기. {TEXT * 9}")
    (full.path / "1.txt").unlink()
    (full.path / "2.txt").rename(full.path / "3.txt")
    at_once = replace(full, home=tmp_path / "at once")
    at_once.update()
    for write in range(1, 400, 2):
        tried = replace(full, home=tmp_path / str(write))
        shutil.copytree(full.home, tried.home)
        if not killed_at(tried, write):
            break
        assert tried.paths("다람쥐") in (["2.txt"], ["3.txt"])
        tried.update()
        assert held(tried.database) == held(at_once.database), write
    assert write > 20, "it was not killed on the way"


def test_who_comes_second_waits_for_a_first_index_and_reads_the_one_before_else(full: DocumentFolder) -> None:
    begun, go_on = threading.Event(), threading.Event()
    first = threading.Thread(target=full.index.update, args=(_Pausing(begun, go_on),))
    first.start()
    assert begun.wait(60)
    watch = _Pausing(threading.Event(), threading.Event())
    watch.go_on.set()
    second = threading.Thread(target=full.index.update, args=(watch,))
    second.start()
    assert watch.begun.wait(60), "it says how far the other is"
    go_on.set()
    second.join(60)
    first.join(60)
    assert full.found("감귤")
    full.write("new.txt", "박물관은 무료이다.")
    begun.clear()
    go_on.clear()
    first = threading.Thread(target=full.index.update, args=(_Pausing(begun, go_on),))
    first.start()
    assert begun.wait(60)
    assert full.update() == ()
    assert (full.found("박물관"), bool(full.found("감귤"))) == ([], True)
    go_on.set()
    first.join(60)
    assert full.paths("박물관") == ["new.txt"]


class _Pausing(SearchWatch):
    """Stands still at the first document, until it may go on."""

    def __init__(self, begun: threading.Event, go_on: threading.Event) -> None:
        super().__init__()
        self.begun, self.go_on = begun, go_on

    def report(self, stage: str, done: int = 0, total: int | None = None) -> None:
        if stage == "indexing":
            self.begun.set()
            assert self.go_on.wait(60)


def _documents(database: Path) -> int:
    connection = sqlite3.connect(database)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(connection.execute("SELECT count(*) FROM documents").fetchone()[0])
    except sqlite3.OperationalError as error:
        assert "no such table" in str(error), error
        return 0
    finally:
        connection.close()
