"""The passages of an index that a query finds, the best first.

Knows: how the index ranks.
Refuses to know: how an index is made.
"""

from __future__ import annotations

from dataclasses import dataclass

from search.documents.dense import DensePassages
from search.documents.store import IndexStore
from search.documents.terms import expression
from search.ranking import fused, spread

_LOOKED_AT = 10
"""Passages that are ranked for each that is given, so that other documents are among them."""
_RANKED = "SELECT rowid FROM terms WHERE terms MATCH ? ORDER BY rank LIMIT ?"
_PASSAGE = (
    "SELECT document, page, text, name, title, url, date, "
    "(SELECT min(path) FROM files WHERE files.content = documents.content) "
    "FROM passages JOIN documents ON documents.id = document WHERE passages.id = ?"
)


@dataclass(frozen=True)
class FoundPassage:
    """A passage, and the document that it is of."""

    document: int
    """A number that all passages of it have."""
    page: int | None
    text: str
    name: str
    """What a file of several documents calls this one."""
    title: str
    url: str
    date: str
    path: str
    """The path of its file below the folder."""


def best(store: IndexStore, query: str, limit: int, dense: DensePassages | None = None) -> list[FoundPassage]:
    """At most `limit`; a third passage of a document comes after two of each other."""
    store.begin_reading()
    if not store.usable:
        return []
    asked = expression(query, store.common())
    if not asked:
        return []
    numbers = [number for (number,) in store.rows(_RANKED, (asked, limit * _LOOKED_AT))]
    if dense is not None:
        numbers = fused([numbers, dense.nearest(store, query, limit * _LOOKED_AT)])
    rows = (store.rows(_PASSAGE, (number,)) for number in numbers)
    found = (FoundPassage(*row) for (row,) in filter(None, rows))
    named = (passage for passage in found if passage.path is not None)
    return spread(named, lambda passage: passage.document, limit)
