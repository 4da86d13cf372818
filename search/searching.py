"""The whole way from a question to its numbered sources: decide, rewrite, search, read pages, rank.

What goes wrong with one query or one page is kept as a problem beside what the others gave. Nothing that a
page says starts anything here: only addresses that a provider returned are read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from errors import BadRequest, Cause, NaraniError, Stopped
from search.deciding import AskModel, Decision, SearchMode, decide
from search.problems import SearchProblem
from search.providers.base import Provider
from search.ranking import rank, spread
from search.records import Searched, SearchResult, SearchSource
from search.rewriting import queries_for
from search.watch import SearchWatch
from search.wish import EXTRACTIVE, SearchWish
from search.words import bigrams, shortened

MOST_SOURCES = 20
MOST_RESULTS = 10
"""How many results each query is asked for, at least."""
_MOST_UNREAD = 10
"""So many of the problems of a provider stand with each search."""
_ALIKE = 0.8
"""Two passages that share so much of the shorter one's bigrams say the same."""

ProviderOf = Callable[[SearchWish], Provider]
"""The provider that a wish names, or a problem that says what it lacks."""
ModelToAsk = Callable[[SearchWish, SearchWatch], AskModel | None]
"""The model that says whether a question is to be searched for; None where no model is asked."""
ReadPages = Callable[[Sequence[SearchResult], SearchWatch], tuple[list[SearchResult], list[Cause]]]
"""The passages of the pages behind results, each a whole result, and what could not be read."""


@dataclass(frozen=True)
class SearchParts:
    """What a search is made of."""

    provider_of: ProviderOf
    read_pages: ReadPages
    model_to_ask: ModelToAsk = lambda wish, watch: None


class SearchService:
    """One a process. `seconds` is what a whole search may take."""

    def __init__(self, parts: SearchParts, seconds: float) -> None:
        self._parts, self.seconds = parts, seconds

    def check(self, wish: SearchWish) -> None:
        """Refuse a provider that does not exist, and a number of sources that no model reads."""
        if not 1 <= wish.most_sources <= MOST_SOURCES:
            value = wish.most_sources
            raise BadRequest("setting-out-of-range", name="sources", low=1, high=MOST_SOURCES, value=value)
        self._parts.provider_of(wish)

    def search(
        self,
        wish: SearchWish,
        earlier: Sequence[str],
        watch: SearchWatch,
        seen: Callable[[Searched], None] = lambda searched: None,
    ) -> Searched:
        """Raises `Stopped` where the person stopped it, `SearchProblem` where no query could be searched."""
        watch.report("deciding")
        decided = self._decide(wish, earlier, watch)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        known = Searched(decided.question, decided.searched, decided.why, at=at)
        if not decided.searched:
            return known
        watch.check()
        watch.restart()  # deciding may have waited for a model that was loaded first
        queries = queries_for(decided.question, earlier)
        known = replace(known, provider=wish.provider, queries=queries)
        seen(known)
        results, problems = self._results(wish, queries, watch)
        passages, unread = self._passages(results, watch)
        known = replace(known, problems=(*problems, *unread))
        watch.check()
        watch.report("ranking")
        if any(not result.whole for result in results):
            best = ranked(passages, shortened(" ".join((*queries, decided.question))))
            passages = spread(best, lambda passage: passage.url, len(best))
        return replace(known, sources=numbered(without_repeats(passages)[: wish.most_sources]))

    def _decide(self, wish: SearchWish, earlier: Sequence[str], watch: SearchWatch) -> Decision:
        """An extract can be made of sources alone, so where nobody else answers no model is asked."""
        alone = set(wish.models) == {EXTRACTIVE}
        mode = SearchMode.ALWAYS if alone and wish.mode == SearchMode.AUTO else SearchMode(wish.mode)
        ask_model = self._parts.model_to_ask(wish, watch) if mode is SearchMode.AUTO else None
        decided = decide(wish.question, mode, ask_model, earlier)
        if mode != wish.mode and decided.why.code == "search-why-always":
            decided = replace(decided, why=Cause("search-why-extract"))
        if not decided.question.strip():
            raise BadRequest("empty-question")
        if alone and not decided.searched:
            raise BadRequest("extractive-without-search")
        return decided

    def _results(
        self, wish: SearchWish, queries: Sequence[str], watch: SearchWatch
    ) -> tuple[list[SearchResult], list[Cause]]:
        """The results of all queries in turn, each address once; a query that fails costs only its own."""
        provider = self._parts.provider_of(wish)
        found: list[Sequence[SearchResult]] = []
        problems: list[NaraniError] = []
        for done, query in enumerate(queries):
            watch.report("searching", done, len(queries))
            watch.check()
            try:
                found.append(provider.search(query, max(MOST_RESULTS, wish.most_sources), watch))
            except Stopped:
                raise
            except NaraniError as problem:
                problems.append(problem)
        if not found and problems:
            raise problems[0]
        unread = provider.problems[:_MOST_UNREAD]
        return in_turn(found), [*(problem.cause for problem in problems), *unread]

    def _passages(
        self, results: Sequence[SearchResult], watch: SearchWatch
    ) -> tuple[list[SearchResult], list[Cause]]:
        """The results that are whole, and the passages of the pages behind the others; a page that could not
        be read stands for itself with the words that the provider showed of it."""
        pages = [result for result in results if not result.whole]
        whole = [result for result in results if result.whole]
        if not pages:
            return whole, []
        watch.report("fetching", 0, len(pages))
        try:
            read, problems = self._parts.read_pages(pages, watch)
        except SearchProblem as problem:
            read, problems = [], [problem.cause]
        there = {passage.url for passage in read}
        snippets = [page for page in pages if page.url not in there and page.snippet]
        return [*whole, *read, *snippets], problems


def in_turn(lists: Sequence[Sequence[SearchResult]]) -> list[SearchResult]:
    """The first of each list, then the second of each; what stands there already is left out."""
    kept: dict[tuple[str, str], SearchResult] = {}
    for place in range(max(map(len, lists), default=0)):
        for results in lists:
            if place < len(results):
                result = results[place]
                kept.setdefault((result.url, result.snippet if result.whole else ""), result)
    return list(kept.values())


def ranked(passages: Sequence[SearchResult], question: str) -> list[SearchResult]:
    """Those that share a word with the question stand first, the best before the others; behind them as their
    provider ranks them those that only it holds to be about the question."""
    best = rank(question, [f"{passage.title}\n{passage.snippet}" for passage in passages], len(passages))
    rest = sorted(set(range(len(passages))) - set(best))
    return [passages[number] for number in (*best, *rest)]


def without_repeats(passages: Sequence[SearchResult]) -> list[SearchResult]:
    """Only the first of passages that say nearly the same."""
    kept: list[tuple[SearchResult, set[str]]] = []
    for passage in passages:
        pairs = set(bigrams(passage.snippet))
        if pairs and not any(_alike(pairs, before) for _, before in kept):
            kept.append((passage, pairs))
    return [passage for passage, _ in kept]


def numbered(passages: Sequence[SearchResult]) -> tuple[SearchSource, ...]:
    return tuple(
        SearchSource(n, each.title, each.url, each.site, each.date, each.snippet, each.page)
        for n, each in enumerate(passages, start=1)
    )


def _alike(one: set[str], other: set[str]) -> bool:
    return len(one & other) >= _ALIKE * min(len(one), len(other))
