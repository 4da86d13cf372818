"""What a passage and a query are matched by: content words and character bigrams as tokens of FTS5.

Knows: how terms are written for the index, and a question as an expression that is safe to match.
Refuses to know: files, passages and ranks. What a person wrote never reaches MATCH: only its terms do, each
quoted, because every mark of the query language raises there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from search.words import bigrams, content_words

_MARKS = "".join(map(chr, range(33, 127))).replace('"', '""').replace("'", "''")
TOKENIZER = f"ascii tokenchars '{_MARKS}'"
"""FTS5 takes for a term whatever stands between two spaces, so that `c++` and `3.5` stay what they are."""
MOST_POSTINGS = 60_000
"""How many entries of the index a query may walk through; common terms are left out beyond that, the most
common first. They tell passages apart least and cost most."""


@dataclass(frozen=True)
class Terms:
    """In the two columns of the index."""

    words: str
    bigrams: str


def terms_of(title: str, text: str) -> Terms:
    return Terms(_tokens(content_words(f"{title}\n{text}")), bigram_terms(title, text))


def bigram_terms(title: str, text: str) -> str:
    return _tokens(bigrams(f"{title}\n{text}"))


def expression(query: str, common: Mapping[tuple[str, str], int]) -> str:
    """What to match for a query; empty where it has no terms. `common`: how many passages hold a term of a
    column, for the terms that many hold."""
    found = {("words", _tokens([word])) for word in content_words(query)}
    found |= {("bigrams", pair) for pair in bigrams(query)}
    chosen = _affordable({term for term in found if term[1]}, common)
    return " OR ".join(f"{column} : {_quoted(term)}" for column, term in chosen)


def _affordable(
    terms: Iterable[tuple[str, str]], common: Mapping[tuple[str, str], int]
) -> list[tuple[str, str]]:
    """From the rarest to the most common, as far as they can be afforded; the rarest always."""
    chosen: list[tuple[str, str]] = []
    left = MOST_POSTINGS
    for term in sorted(terms, key=lambda term: (common.get(term, 0), term)):
        left -= common.get(term, 0)
        if left < 0 and chosen:
            break
        chosen.append(term)
    return chosen


def _tokens(terms: Iterable[str]) -> str:
    """A NUL ends a text for SQLite, and a space a term."""
    return " ".join(filter(None, ("".join(term.replace("\0", "").split()) for term in terms)))


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'
