"""The words of the texts in an index of SQLite, so that a Korean word of two syllables is found at once.

Knows: how text becomes tokens, the index table, and the query a word becomes.
Refuses to know: runs and answers; a document is a number and a text here.

SQLite's own trigrams miss every word of two syllables, and its words miss 은행 in 한국은행. So texts go in
as character pairs: 한국은행 is "한국 국은 은행 행", and 은행 is found as the pair it is. The last
character stands alone too, so that one syllable is found by prefix, and no phrase of pairs can reach from one
word into the next.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, Integer, column, table, text

words_table = table("words", column("rowid", Integer), column("words"))

_CREATE = text(
    # Every character that is not a space belongs to a token: what a word is was decided here, not there.
    "CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(body, content='', columnsize=0, prefix='1', "
    "tokenize=\"unicode61 remove_diacritics 0 categories 'L* M* N* S* P* C*'\")"
)
_INSERT = text("INSERT INTO words(rowid, body) VALUES (:number, :body)")
_DELETE = text("INSERT INTO words(words, rowid, body) VALUES ('delete', :number, :body)")

_EMPTY = (
    text("DELETE FROM words_idx"),
    text("DELETE FROM words_data"),
    text("INSERT INTO words_data(id, block) VALUES (1, x''), (10, x'00000000000000')"),
)
_SLOT_BITS, _RUN_BITS = 8, 30
SLOTS, RUNS = 1 << _SLOT_BITS, 1 << _RUN_BITS
"""A run has fewer answers in the index than slots, and there are fewer runs than this."""
_WORD = re.compile(r"[^\W_]+")


def has_word_index(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def create_word_index(connection: Connection) -> None:
    if has_word_index(connection):
        connection.execute(_CREATE)


def drop_word_index(connection: Connection) -> None:
    """Also one that is so broken that SQLite will not even drop it: it is made an empty one before."""
    for statement in _EMPTY:
        connection.execute(statement)
    connection.execute(text("DROP TABLE words"))


def document(owner: int, run: int, slot: int) -> int:
    """An owner's documents lie side by side in the order of their runs, so that nobody pays for another's."""
    return (((owner << _RUN_BITS) | run) << _SLOT_BITS) | slot


def between(owner: int, before: int | None) -> tuple[int, int]:
    """The first document of an owner, and the one after the last that belongs to a run before this one."""
    end = document(owner + 1, 0, 0) if before is None else document(owner, before, 0)
    return document(owner, 0, 0), end


def run_of_document(number: ColumnElement[int]) -> ColumnElement[int]:
    return number.op(">>")(_SLOT_BITS).op("&")(RUNS - 1)


def add_words(connection: Connection, number: int, body: str) -> None:
    connection.execute(_INSERT, {"number": number, "body": tokens(body)})


def take_words(connection: Connection, number: int, body: str) -> None:
    """The table holds no text, so the same body has to be given that was added."""
    connection.execute(_DELETE, {"number": number, "body": tokens(body)})


def tokens(body: str) -> str:
    return " ".join(token for run in _runs_of(body) for token in (*_pairs(run), run[-1]))


def match(words: str) -> str | None:
    """A query that finds documents with all of the words; None where there is no letter and no digit."""
    runs = _runs_of(words)
    return " AND ".join(map(_phrase, dict.fromkeys(runs))) or None


def folded(body: str) -> str:
    return unicodedata.normalize("NFC", body.casefold())


def _runs_of(body: str) -> list[str]:
    return _WORD.findall(folded(body))


def _pairs(run: str) -> Iterable[str]:
    return map("".join, zip(run, run[1:], strict=False))


def _phrase(run: str) -> str:
    """Letters and digits only, and in quotes: nothing of a query's own language gets through."""
    return f'"{" ".join(_pairs(run))}"' if len(run) > 1 else f'"{run}"*'
