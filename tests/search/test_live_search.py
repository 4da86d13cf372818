"""A search as a page sees it: how far it is, stopped, failed, its run, and whose it is.

Run: python -m pytest tests/search/test_live_search.py
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from errors import BadRequest, Cause
from history.records import HistoryFilter
from search.deciding import SearchMode
from search.live_search import LiveSearches, SearchState
from search.problems import SearchProblem
from search.records import ROOM, SearchResult, searched_of
from search.watch import SearchWatch
from search.wish import EXTRACTIVE, SearchWish
from tests.search.search_house import PALACE, SearchHouse, search_house

MODELS = ("demo-kullm", "demo-chat")
WISH = SearchWish("경복궁은 언제 지어졌나요?", MODELS, mode=SearchMode.ALWAYS)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[SearchHouse]:
    with search_house(tmp_path) as opened:
        yield opened


def test_a_search_ends_in_a_run_over_the_same_sources_for_all_models(house: SearchHouse) -> None:
    search = house.searches.start("me", WISH)
    assert search.wait(10)
    view = search.view()
    assert view.state is SearchState.DONE and view.ended and view.problem is None and view.run_id
    run = house.runs.get(view.run_id, "me")
    assert run is not None and run.wait(10) and run.kind == ROOM
    inputs = {request.conversation.turns[-1].input for request in run.requests}
    (shown,) = inputs
    assert f"[1] {PALACE.title}" in shown and PALACE.snippet in shown
    assert {searched_of(request.extras) for request in run.requests} == {view.searched}
    assert all(request.conversation.turns[-1].question == WISH.question for request in run.requests)
    stored = house.history.get("me", run.id)
    assert stored is not None and stored.head.kind == ROOM and stored.head.requests == run.requests


def test_a_stopped_search_asks_nobody_and_keeps_the_question(tmp_path: Path) -> None:
    begun = threading.Event()

    def slow(query: str, limit: int, watch: SearchWatch) -> Sequence[SearchResult]:
        begun.set()
        watch.wait_for(threading.Event().wait)
        return ()

    with search_house(tmp_path, slow) as house:
        search = house.searches.start("me", WISH)
        assert begun.wait(10)
        assert search.view().state is SearchState.SEARCHING
        known = search.view().searched
        assert known is not None and known.queries == (WISH.question,) and not known.sources
        search.stop()
        assert search.wait(10)
        view = search.view()
        assert view.state is SearchState.STOPPED and view.run_id is None and view.wish == WISH
        assert not house.history.page("me", HistoryFilter()).runs


def test_a_search_that_fails_says_why_and_keeps_the_question(tmp_path: Path) -> None:
    def refuses(query: str, limit: int, watch: SearchWatch) -> Sequence[SearchResult]:
        raise SearchProblem("search-broke-off", kind="Refused")

    def breaks(query: str, limit: int, watch: SearchWatch) -> Sequence[SearchResult]:
        raise ZeroDivisionError

    for found, kind in ((refuses, "Refused"), (breaks, "ZeroDivisionError")):
        with search_house(tmp_path, found) as house:
            search = house.searches.start("me", WISH)
            assert search.wait(10)
            view = search.view()
            assert view.state is SearchState.FAILED and view.wish == WISH and view.run_id is None
            assert view.problem == Cause("search-broke-off", category="search-failed", kind=kind)


@pytest.mark.parametrize(("mode", "asked"), [(SearchMode.ALWAYS, False), (SearchMode.AUTO, True)])
def test_where_nothing_is_found_only_auto_asks_without_sources(
    tmp_path: Path, mode: SearchMode, asked: bool
) -> None:
    with search_house(tmp_path, lambda query, limit, watch: ()) as house:
        search = house.searches.start("me", SearchWish(WISH.question, MODELS, mode=mode))
        assert search.wait(10)
        view = search.view()
        assert view.state is SearchState.DONE and view.searched and not view.searched.sources
        assert (view.run_id is not None) is asked
        run = house.runs.get(view.run_id or "", "me")
        if run is not None:
            assert not run.requests[0].conversation.turns[-1].input
            assert searched_of(run.requests[0].extras) == view.searched, "it is marked as searched in vain"


def test_what_cannot_be_asked_is_refused_before_anything_is_searched(house: SearchHouse) -> None:
    for wish, code in (
        (SearchWish(" ", MODELS), "empty-question"),
        (SearchWish("왜?", ()), "no-model-picked"),
        (SearchWish("왜?", ("demo-kullm", "demo-kullm")), "picked-twice"),
    ):
        with pytest.raises(BadRequest) as refused:
            house.searches.start("me", wish)
        assert refused.value.code == code


def test_an_extract_alone_is_always_searched_for_and_refused_where_nothing_may_be(house: SearchHouse) -> None:
    for mode, question, problem in (
        (SearchMode.AUTO, "안녕하세요!", None),
        (SearchMode.NEVER, "왜?", "extractive-without-search"),
        (SearchMode.NEVER, "/경복궁", None),
        (SearchMode.AUTO, "/", "empty-question"),
    ):
        search = house.searches.start("me", SearchWish(question, (EXTRACTIVE,), mode=mode))
        assert search.wait(10)
        view = search.view()
        assert (view.problem.code if view.problem else None) == problem
        assert (view.run_id is None) is (problem is not None)


def test_the_sign_that_asks_for_a_search_is_not_shown_to_models(house: SearchHouse) -> None:
    search = house.searches.start("me", SearchWish("/ 경복궁", MODELS, mode=SearchMode.NEVER))
    assert search.wait(10)
    run = house.runs.get(search.view().run_id or "", "me")
    assert run is not None and run.requests[0].conversation.turns[-1].question == "경복궁"
    searched = search.view().searched
    assert searched is not None and searched.searched and searched.why.code == "search-why-sign"


def test_a_search_is_its_owners_and_goes_over_with_what_else_is_theirs(house: SearchHouse) -> None:
    search = house.searches.start("me", WISH)
    assert house.searches.get(search.id, "me") is search
    assert house.searches.get(search.id, "other") is None and house.searches.get("none", "me") is None
    assert search.wait(10)
    house.searches.hand_over("me", "other")
    assert house.searches.get(search.id, "other") is search and house.searches.get(search.id, "me") is None


def test_an_ended_search_is_forgotten_after_a_while_and_a_running_one_never(house: SearchHouse) -> None:
    now = [0.0]
    searches = LiveSearches(house.asking, keep_seconds=10, clock=lambda: now[0])
    search = searches.start("me", WISH)
    assert search.wait(10)
    now[0] = 9.0
    assert searches.get(search.id, "me") is search
    now[0] = 18.0
    assert searches.get(search.id, "me") is search, "it was looked at meanwhile"
    now[0] = 28.5
    assert searches.get(search.id, "me") is None
