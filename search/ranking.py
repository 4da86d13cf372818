"""Passages ranked for a query apart from any index, by BM25 over Korean content words and character bigrams;
several rankings fused into one; passages of many documents before more of one.

For passages that are in memory: those of a few fetched pages, the sentences of some sources. A folder of
documents is ranked by its index, with the same terms.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

from search.words import bigrams, content_words

K1, B = 1.2, 0.75
"""As SQLite's own BM25 has them."""
FUSION_K = 60
"""Reciprocal rank fusion: how little the first places of one ranking outweigh the agreement of several."""

OF_ONE_DOCUMENT = 2
"""So many passages of a document come before those of others are had too."""

Ranked = TypeVar("Ranked", bound=Hashable)
Item = TypeVar("Item")


def rank(query: str, passages: Sequence[str], limit: int) -> list[int]:
    """The numbers of the passages that share a term with the query, from 0, the best first."""
    words = scores(content_words(query), [content_words(passage) for passage in passages])
    pairs = scores(bigrams(query), [bigrams(passage) for passage in passages])
    total = [word + pair for word, pair in zip(words, pairs, strict=True)]
    found = [number for number, score in enumerate(total) if score > 0]
    return sorted(found, key=lambda number: -total[number])[:limit]


def scores(query: Iterable[str], texts: Sequence[Sequence[str]]) -> list[float]:
    """BM25 of each text, a text and the query being their terms."""
    counts = [Counter(text) for text in texts]
    mean = sum(map(len, texts)) / max(1, len(texts))
    total = [0.0] * len(texts)
    for term in set(query):
        having = [number for number, count in enumerate(counts) if term in count]
        rarity = math.log(1 + (len(texts) - len(having) + 0.5) / (len(having) + 0.5))
        for number in having:
            times = counts[number][term]
            longer = 1 - B + B * len(texts[number]) / mean
            total[number] += rarity * times * (K1 + 1) / (times + K1 * longer)
    return total


def fused(rankings: Iterable[Iterable[Ranked]], limit: int | None = None) -> list[Ranked]:
    """One ranking of several, the best first: what stands high in many comes before what is first in one."""
    points: dict[Ranked, float] = {}
    for ranking in rankings:
        for place, item in enumerate(ranking, start=1):
            points[item] = points.get(item, 0.0) + 1 / (FUSION_K + place)
    return sorted(points, key=lambda item: -points[item])[:limit]


def spread(ranked: Iterable[Item], document_of: Callable[[Item], Hashable], limit: int) -> list[Item]:
    """At most `limit`; more of one document only where there are not enough of others, so that a long one is
    not all there is. Of `ranked` no more is taken than that needs."""
    seen: Counter[Hashable] = Counter()
    first: list[Item] = []
    more: list[Item] = []
    for item in ranked:
        document = document_of(item)
        seen[document] += 1
        (first if seen[document] <= OF_ONE_DOCUMENT else more).append(item)
        if len(first) == limit:
            break
    return [*first, *more][:limit]
