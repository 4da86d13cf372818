"""The file of an index: what was read of which content, its passages, and the terms that they are found by.

Knows: the tables, and that what is written in one transaction is there whole or not at all.
Refuses to know: folders, and who may write; of all processes one at a time does.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from errors import Cause
from search.documents.folder import FolderFile
from search.documents.terms import TOKENIZER, Terms, bigram_terms

_MADE = 3
"""It has to be raised when documents are read, cut or made into terms in another way: an old index is then
made anew."""
_OF_FILE = ("file", "name")
"""The facts of a problem that name its file."""
_COMMON = 500
"""A term in more passages than this is counted, so that a query knows what it costs."""
_TABLES = f"""
CREATE TABLE state(key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE contents(
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, documents INTEGER NOT NULL DEFAULT 0,
    complete INTEGER NOT NULL DEFAULT 0, problems TEXT NOT NULL DEFAULT '[]');
CREATE TABLE files(
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, stamp INTEGER NOT NULL, content INTEGER NOT NULL);
CREATE INDEX files_content ON files(content, path);
CREATE TABLE documents(
    id INTEGER PRIMARY KEY, content INTEGER NOT NULL, name TEXT NOT NULL, title TEXT NOT NULL,
    url TEXT NOT NULL, date TEXT NOT NULL);
CREATE INDEX documents_content ON documents(content);
CREATE TABLE passages(
    id INTEGER PRIMARY KEY, document INTEGER NOT NULL, page INTEGER, text TEXT NOT NULL, words TEXT NOT NULL);
CREATE INDEX passages_document ON passages(document);
CREATE TABLE vectors(passage INTEGER PRIMARY KEY, vector BLOB NOT NULL);
CREATE TABLE common(field TEXT, term TEXT, passages INTEGER, PRIMARY KEY(field, term)) WITHOUT ROWID;
CREATE VIRTUAL TABLE terms USING fts5(words, bigrams, content='', tokenize="{TOKENIZER}");
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(terms, 'col');
"""
_NAMES = ("vocabulary", "terms", "common", "vectors", "passages", "documents", "files", "contents", "state")


@dataclass(frozen=True)
class Content:
    """What is known of the bytes of a file."""

    id: int
    documents: int
    """How many of it were read."""
    complete: bool


@dataclass(frozen=True)
class IndexedPassage:
    """A passage to be kept."""

    page: int | None
    text: str
    terms: Terms


@dataclass(frozen=True)
class IndexedDocument:
    """A document with its passages, to be kept."""

    name: str
    title: str
    url: str
    date: str
    passages: Sequence[IndexedPassage]


class IndexStore:
    """One connection to the file, for one thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, timeout=30, isolation_level=None)
        try:
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes is read again
        except sqlite3.DatabaseError:
            self._database.close()
            raise

    def close(self) -> None:
        self._database.close()

    def begin(self) -> None:
        """What is written from here to `commit` is there whole or not at all."""
        if not self._database.in_transaction:
            self._database.execute("BEGIN IMMEDIATE")

    def begin_reading(self) -> None:
        """What is read until the connection closes is of one moment."""
        self._database.execute("BEGIN")

    def commit(self) -> None:
        if self._database.in_transaction:
            self._database.execute("COMMIT")

    @property
    def usable(self) -> bool:
        """Whether it was made by this Narani, with this analyzer."""
        return self.value("made") == _made()

    @property
    def built(self) -> bool:
        """Whether a whole folder was read once."""
        return self.usable and self.value("built") == "1"

    @property
    def whole(self) -> bool:
        """Whether the last pass over the folder came to its end."""
        return self.value("whole") == "1"

    def make(self) -> None:
        """Empty tables, in place of whatever was there."""
        self.begin()
        for name in _NAMES:
            self._database.execute(f"DROP TABLE IF EXISTS {name}")
        for statement in filter(str.strip, _TABLES.split(";\n")):
            self._database.execute(statement)
        self.set_value("made", _made())
        self.commit()

    def files(self) -> dict[str, FolderFile]:
        rows = self._database.execute("SELECT path, size, stamp FROM files")
        return {path: FolderFile(path, size, stamp) for path, size, stamp in rows}

    def content(self, key: str) -> Content | None:
        """What was read of it."""
        asked = "SELECT id, documents, complete FROM contents WHERE key = ?"
        row = self._database.execute(asked, (key,)).fetchone()
        return Content(row[0], row[1], bool(row[2])) if row else None

    def content_id(self, key: str) -> int:
        """The id of a content, which is known from now on."""
        self._database.execute("INSERT OR IGNORE INTO contents(key) VALUES (?)", (key,))
        content = self.content(key)
        assert content is not None
        return content.id

    def add(self, content: int, document: IndexedDocument) -> None:
        self._database.execute("UPDATE contents SET documents = documents + 1 WHERE id = ?", (content,))
        if not document.passages:
            return
        row = self._database.execute(
            "INSERT INTO documents(content, name, title, url, date) VALUES (?, ?, ?, ?, ?)",
            (content, document.name, document.title, document.url, document.date),
        ).lastrowid
        for passage in document.passages:
            number = self._database.execute(
                "INSERT INTO passages(document, page, text, words) VALUES (?, ?, ?, ?)",
                (row, passage.page, passage.text, passage.terms.words),
            ).lastrowid
            self._database.execute(
                "INSERT INTO terms(rowid, words, bigrams) VALUES (?, ?, ?)",
                (number, passage.terms.words, passage.terms.bigrams),
            )

    def complete(self, content: int, problems: Iterable[Cause]) -> None:
        """Nothing more is to be read of it."""
        written = json.dumps([problem.as_json() for problem in problems])
        self._database.execute(
            "UPDATE contents SET complete = 1, problems = ? WHERE id = ?", (written, content)
        )

    def name(self, file: FolderFile, content: int) -> None:
        """This content lies there now."""
        self._database.execute(
            "INSERT OR REPLACE INTO files(path, size, stamp, content) VALUES (?, ?, ?, ?)",
            (file.path, file.size, file.stamp, content),
        )

    def forget(self, paths: Iterable[str]) -> None:
        self._database.executemany("DELETE FROM files WHERE path = ?", ((path,) for path in paths))

    def nameless(self) -> list[int]:
        """Contents that no file has any longer."""
        asked = "SELECT id FROM contents WHERE id NOT IN (SELECT content FROM files)"
        return [content for (content,) in self._database.execute(asked)]

    def remove(self, content: int, most: int) -> bool:
        """At most so many passages of it; whether that was all."""
        rows = self._database.execute(
            "SELECT passages.id, title, text, words FROM passages JOIN documents ON documents.id = document "
            "WHERE content = ? LIMIT ?",
            (content, most),
        ).fetchall()
        for number, title, text, words in rows:
            # The terms that were put in: a contentless table cannot know them.
            self._database.execute(
                "INSERT INTO terms(terms, rowid, words, bigrams) VALUES ('delete', ?, ?, ?)",
                (number, words, bigram_terms(title, text)),
            )
            self._database.execute("DELETE FROM passages WHERE id = ?", (number,))
            self._database.execute("DELETE FROM vectors WHERE passage = ?", (number,))
        if len(rows) == most:
            return False
        self._database.execute("DELETE FROM documents WHERE content = ?", (content,))
        self._database.execute("DELETE FROM contents WHERE id = ?", (content,))
        return True

    def finish(self, *, changed: bool) -> None:
        """The folder was read whole. Where passages changed, the pieces of the index become one, and the
        terms that many passages hold are counted anew."""
        self.begin()
        if changed:
            self._database.execute("INSERT INTO terms(terms) VALUES ('optimize')")
            self._database.execute("DELETE FROM common")
            self._database.execute(
                "INSERT INTO common SELECT col, term, doc FROM vocabulary WHERE doc > ?", (_COMMON,)
            )
        self.set_value("built", "1")
        self.set_value("whole", "1")
        self.commit()

    def documents(self) -> int:
        asked = "SELECT count(*) FROM documents WHERE content IN (SELECT content FROM files)"
        return int(self._database.execute(asked).fetchone()[0])

    def problems(self) -> list[Cause]:
        """What could not be read of the contents, under the names that their files have now."""
        rows = self._database.execute(
            "SELECT min(path), problems FROM contents JOIN files ON content = contents.id "
            "WHERE problems != '[]' GROUP BY contents.id ORDER BY 1"
        )
        return [_under(path, problem) for path, problems in rows for problem in json.loads(problems)]

    def common(self) -> Mapping[tuple[str, str], int]:
        rows = self._database.execute("SELECT field, term, passages FROM common")
        return {(field, term): passages for field, term, passages in rows}

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """For who searches."""
        return self._database.execute(statement, values).fetchall()

    def write(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        self._database.executemany(statement, rows)

    def value(self, key: str) -> str | None:
        try:
            row = self._database.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return None
            raise
        return row[0] if row else None

    def set_value(self, key: str, value: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (key, value))


def _under(path: str, problem: Mapping[str, Any]) -> Cause:
    cause = Cause.from_json(problem)
    facts = {name: path if name in _OF_FILE else fact for name, fact in cause.facts.items()}
    return Cause(cause.code, **facts)


def _made() -> str:
    return f"{_MADE} {version('kiwipiepy')} {version('kiwipiepy_model')}"
