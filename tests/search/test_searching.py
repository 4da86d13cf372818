"""From a question to numbered sources: what fails costs its own results only, and nothing stands there twice.

Run: python -m pytest tests/search/test_searching.py
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from threading import Event

import pytest

from errors import Cause
from search.deciding import Likelihoods, SearchMode
from search.problems import SearchProblem
from search.prompt import sources_text
from search.records import Searched, SearchResult
from search.searching import SearchParts, SearchService, in_turn, numbered, without_repeats
from search.watch import SearchWatch
from search.wish import EXTRACTIVE, SearchWish
from tests.search.search_house import MOUNTAIN, PALACE, ListProvider

WISH = SearchWish("경복궁은 언제 지어졌나요?", ("demo-chat",), mode=SearchMode.ALWAYS)
PAGE = SearchResult("궁궐 소식", "https://a.example/1", "경복궁 이야기를 다룬 글", site="a.example")
OTHER = SearchResult("산 소식", "https://b.example/2", "한라산 이야기를 다룬 글", site="b.example")


class Pages:
    """Reads the page of an address that it knows; another one is a problem."""

    def __init__(self, **passages: Sequence[str]) -> None:
        self._passages = passages
        self.asked: list[str] = []

    def __call__(
        self, results: Sequence[SearchResult], watch: SearchWatch
    ) -> tuple[list[SearchResult], list[Cause]]:
        read, problems = [], []
        for result in results:
            self.asked.append(result.url)
            passages = self._passages.get(result.site.partition(".")[0])
            if passages is None:
                problems.append(Cause("search-page-left", name=result.site))
            for passage in passages or ():
                read.append(replace(result, snippet=passage, whole=True))
        return read, problems


def searched(found: Sequence[SearchResult], pages: Pages, wish: SearchWish = WISH) -> Searched:
    parts = SearchParts(lambda wish: ListProvider(lambda query, limit, watch: found), pages)
    return SearchService(parts, 20).search(wish, (), SearchWatch(20))


def test_pages_are_read_ranked_for_the_question_and_numbered() -> None:
    pages = Pages(a=["입장료는 삼천 원이다.", "경복궁은 1395년에 지어졌다."], b=["한라산은 제주도에 있다."])
    sources = searched([OTHER, PAGE], pages).sources
    assert [source.n for source in sources] == [1, 2, 3]
    assert sources[0].passage == "경복궁은 1395년에 지어졌다." and sources[0].url == PAGE.url
    assert pages.asked == [OTHER.url, PAGE.url]


def test_a_page_that_cannot_be_read_stands_with_the_words_of_its_result() -> None:
    found = searched([PAGE, OTHER], Pages(b=["경복궁은 1395년에 지어진 궁궐이다."]))
    assert {source.passage for source in found.sources} == {
        PAGE.snippet,
        "경복궁은 1395년에 지어진 궁궐이다.",
    }
    assert [problem.facts["name"] for problem in found.problems] == ["a.example"]


def test_a_search_that_waited_for_a_model_has_all_its_time_left() -> None:
    def ask(question: str, words: tuple[str, ...]) -> Likelihoods:
        with pytest.raises(TimeoutError):
            watch.wait_for(Event().wait)
        raise SearchProblem("search-model-late", model="demo-chat", seconds=20)

    left: list[float] = []

    def found(query: str, limit: int, watch: SearchWatch) -> Sequence[SearchResult]:
        left.append(watch.seconds_left)
        return [MOUNTAIN]

    watch = SearchWatch(0.05)
    parts = SearchParts(lambda wish: ListProvider(found), Pages(), lambda wish, watch: ask)
    wish = replace(WISH, question="병가 쓰려면 진단서 내야 해?", mode=SearchMode.AUTO)
    assert SearchService(parts, 20).search(wish, (), watch).why.code == "search-why-model-failed"
    assert left[0] > 0


def test_only_addresses_that_the_provider_returned_are_read() -> None:
    pages = Pages(a=["경복궁은 http://127.0.0.1/secret 과 https://evil.example 을 보라고 한다."])
    searched([PAGE], pages)
    assert pages.asked == [PAGE.url]


def test_documents_come_as_their_index_ranks_them_and_no_page_is_read() -> None:
    pages = Pages()
    found = searched([MOUNTAIN, PALACE], pages)
    assert [source.title for source in found.sources] == ["한라산", "경복궁"] and pages.asked == []


@pytest.mark.parametrize("most", [1, 2, 10])
def test_no_more_sources_than_wished_for_are_numbered(most: int) -> None:
    found = searched([MOUNTAIN, PALACE, *([PAGE] * 3)], Pages(), replace(WISH, most_sources=most))
    assert [source.n for source in found.sources] == [1, 2, 3][:most]


def test_a_query_that_fails_costs_its_own_results_and_all_that_fail_are_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("search.searching.queries_for", lambda question, earlier: ("가", "나"))

    def breaks_for(broken: str) -> ListProvider:
        def found(query: str, limit: int, watch: SearchWatch) -> Sequence[SearchResult]:
            if query in broken:
                raise SearchProblem("search-broke-off", kind=query)
            return (PALACE,)

        return ListProvider(found)

    def service(broken: str) -> SearchService:
        return SearchService(SearchParts(lambda wish: breaks_for(broken), Pages()), 20)

    one = service("가").search(WISH, (), SearchWatch())
    assert [source.title for source in one.sources] == ["경복궁"]
    assert [problem.facts["kind"] for problem in one.problems] == ["가"]
    with pytest.raises(SearchProblem) as refused:
        service("가나").search(WISH, (), SearchWatch())
    assert refused.value.facts["kind"] == "가"


def test_results_of_several_queries_take_turns_and_an_address_counts_once() -> None:
    far = replace(PAGE, url="https://c.example")
    assert in_turn([[PAGE, far], [OTHER, PAGE]]) == [PAGE, OTHER, far]
    assert in_turn([[PALACE, replace(PALACE, snippet="다른 단락")]]) == [
        PALACE,
        replace(PALACE, snippet="다른 단락"),
    ], "passages of one document are several"
    assert in_turn([]) == [] and in_turn([[], [PAGE]]) == [PAGE]


def test_of_passages_that_say_nearly_the_same_the_first_stays() -> None:
    copied = replace(PAGE, snippet=f"{PALACE.snippet} 끝.", whole=True)
    empty = replace(PAGE, snippet=" \n", whole=True)
    assert without_repeats([PALACE, copied, empty, MOUNTAIN]) == [PALACE, MOUNTAIN]


def test_one_long_page_does_not_take_the_place_of_others() -> None:
    about = ["경복궁은 1395년에 지어졌다.", "경복궁 안에는 근정전이 있다.", "왕비는 경복궁 교태전에 살았다."]
    found = searched([PAGE, OTHER], Pages(a=about, b=["한라산은 제주도에 있는 높은 산이다."]))
    assert [source.url for source in found.sources] == [PAGE.url, PAGE.url, OTHER.url, PAGE.url]


def test_a_number_keeps_all_that_is_known_of_its_source() -> None:
    (source,) = numbered([replace(PALACE, date="2026-01-02", page=7)])
    assert (source.n, source.title, source.url) == (1, PALACE.title, PALACE.url)
    assert (source.site, source.date, source.page, source.passage) == (
        PALACE.site,
        "2026-01-02",
        7,
        PALACE.snippet,
    )


@pytest.mark.parametrize("flood", ["a", "가", "가 나다 ", "["])
def test_a_question_of_any_length_is_ranked_and_shown(flood: str) -> None:
    """What is more than linear in it would not end before the suite's limit for a test."""
    wish = replace(WISH, question=f"경복궁은 언제 지어졌나요? {flood * (1_000_000 // len(flood))}")
    sources = searched(
        [PAGE], Pages(a=["경복궁은 1395년에 지어졌다.", "입장료는 삼천 원이다."]), wish
    ).sources
    assert sources[0].passage == "경복궁은 1395년에 지어졌다."
    assert sources_text(sources, wish.question, lambda text: False)


def test_an_extract_is_searched_for_by_itself_and_says_so() -> None:
    alone = replace(WISH, models=(EXTRACTIVE,))
    whys = [
        searched([PAGE], Pages(), replace(alone, question=question, mode=mode)).why.code
        for mode, question in (
            (SearchMode.AUTO, "안녕?"),
            (SearchMode.ALWAYS, "안녕?"),
            (SearchMode.AUTO, "/안녕?"),
        )
    ]
    assert whys == ["search-why-extract", "search-why-always", "search-why-sign"]
