"""Folders of documents for tests, and what an index holds, to be compared with that of another."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from errors import Cause
from search.documents.found import FoundPassage
from search.documents.index import DocumentsIndex
from search.watch import SearchWatch


@dataclass
class DocumentFolder:
    """A folder and a home for its index."""

    path: Path
    home: Path

    def write(self, name: str, text: str | bytes) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    @property
    def index(self) -> DocumentsIndex:
        return DocumentsIndex(self.path, self.home)

    def update(self) -> tuple[Cause, ...]:
        return self.index.update(SearchWatch())

    def found(self, query: str, limit: int = 10) -> list[FoundPassage]:
        return self.index.search(query, limit)

    def paths(self, query: str) -> list[str]:
        return [found.path for found in self.found(query)]

    @property
    def database(self) -> Path:
        (file,) = self.home.glob("search/*.db")
        return file


def held(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that an index says, apart from the numbers that it gives things."""
    asked = {
        "files": "SELECT path, size, key FROM files JOIN contents ON content = contents.id",
        "contents": "SELECT key, documents, complete, problems FROM contents",
        "documents": "SELECT key, name, title, url, date FROM documents "
        "JOIN contents ON content = contents.id",
        "passages": "SELECT title, page, text, words FROM passages JOIN documents ON documents.id = document",
        "vocabulary": "SELECT term, col, doc, cnt FROM vocabulary",
    }
    connection = sqlite3.connect(database)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.execute("INSERT INTO terms(terms) VALUES ('integrity-check')")
        return {name: sorted(connection.execute(statement), key=repr) for name, statement in asked.items()}
    finally:
        connection.close()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[DocumentFolder]:
    (tmp_path / "documents").mkdir()
    yield DocumentFolder(tmp_path / "documents", tmp_path / "home")
