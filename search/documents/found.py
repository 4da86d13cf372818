"""The passages of an index that a query finds, the best first.

Knows: how the index ranks, and how many passages of one document stand beside those of others.
Refuses to know: how an index is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from search.documents.dense import DensePassages
from search.documents.store import IndexStore
from search.documents.terms import expression
from search.ranking import joined

OF_ONE_DOCUMENT = 2
"""So many passages of a document come before those of others are had too."""
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
    """By which a file of several documents calls this one."""
    title: str
    url: str
    date: str
    path: str
    """Of the file, below the folder."""


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
        numbers = joined([numbers, dense.nearest(store, query, limit * _LOOKED_AT)])
    rows = (store.rows(_PASSAGE, (number,)) for number in numbers)
    found = (FoundPassage(*row) for (row,) in filter(None, rows))
    return mixed((passage for passage in found if passage.path is not None), limit)


def mixed(ranked: Iterable[FoundPassage], limit: int) -> list[FoundPassage]:
    """Of several documents as far as there are some."""
    seen: Counter[int] = Counter()
    first: list[FoundPassage] = []
    later: list[FoundPassage] = []
    for passage in ranked:
        seen[passage.document] += 1
        (first if seen[passage.document] <= OF_ONE_DOCUMENT else later).append(passage)
        if len(first) == limit:
            break
    return [*first, *later][:limit]
