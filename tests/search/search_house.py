"""The services of search around a scripted engine and a provider that finds what a test lays down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from comparison.asking import AskingService, FinishAnswer
from comparison.runs import LiveRuns
from comparison.turns import conversation
from errors import Cause
from history.history import History
from model_registry.registry import load_registry
from search.asking import SearchAsking, told_without_sources, with_extractive
from search.extractive import ExtractiveEngine
from search.live_search import LiveSearches
from search.records import SearchResult
from search.searching import SearchParts, SearchService
from search.token_room import TokenRoom
from search.watch import SearchWatch
from tests.engines.scripted_engine import ScriptedEngine

Found = Callable[[str, int, SearchWatch], Sequence[SearchResult]]

PALACE = SearchResult(
    "경복궁",
    "palace.md",
    "경복궁은 1395년에 창건된 조선 왕조의 법궁이다. 근정전은 국보로 지정되어 있다.",
    site="documents",
    whole=True,
)
MOUNTAIN = SearchResult(
    "한라산",
    "mountain.md",
    "한라산은 제주도에 있는 산으로 높이는 1947미터이다.",
    site="documents",
    whole=True,
)


@dataclass
class ListProvider:
    found: Found
    name: str = "list"
    problems: Sequence[Cause] = ()

    def search(self, query: str, limit: int, watch: SearchWatch) -> Sequence[SearchResult]:
        return self.found(query, limit, watch)


def no_pages(results: Sequence[SearchResult], watch: SearchWatch) -> tuple[list[SearchResult], list[Cause]]:
    return [], []


@dataclass
class SearchHouse:
    engine: ScriptedEngine
    history: History
    runs: LiveRuns
    plain: AskingService
    asking: SearchAsking
    searches: LiveSearches


@contextmanager
def search_house(
    home: Path,
    found: Found = lambda query, limit, watch: (PALACE, MOUNTAIN),
    engine: ScriptedEngine | None = None,
    seconds: float = 20,
    finish: FinishAnswer = lambda request, answer: answer,
) -> Iterator[SearchHouse]:
    models = engine or ScriptedEngine()
    made = ExtractiveEngine(models)
    registry, history, runs = load_registry(None), History(home), LiveRuns()
    recommended = with_extractive(lambda model_id: registry.get(model_id).generation)
    asking = AskingService(made, recommended, history, runs, finish, told_without_sources)
    parts = SearchParts(lambda wish: ListProvider(found), no_pages)
    service = SearchAsking(
        asking,
        SearchService(parts, seconds),
        TokenRoom(registry, recommended),
        home / "documents",
        lambda owner, run_id, limit: conversation(runs, history, owner, run_id, limit),
    )
    try:
        yield SearchHouse(models, history, runs, asking, service, LiveSearches(service))
    finally:
        made.close()
        history.close()
