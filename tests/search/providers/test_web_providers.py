"""Every search service is asked as it documents, and its results are read whatever is missing in them.

Run: python -m pytest tests/search/providers/test_web_providers.py
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

import pytest

from search.records import SearchResult
from search.watch import SearchWatch
from tests.search.providers.loopback_service import LoopbackService, json_reply
from tests.search.providers.service_shapes import SHAPES, found_as, provider_at

NAMES = tuple(SHAPES)
KOREAN = "세종대왕 & 훈민정음 +50% #1 C++ a=b 「'\"/?\\»"
TRICKY = ("100% & more", "C++ #1 + 1 = 2", "a;b,c:d@e?f", "é ñ ü", "😀 emoji", "日本 語", "x\ny\tz")


def searched(
    service: LoopbackService, name: str, found: list[Any], query: str = "한국", limit: int = 5, **how: Any
) -> list[SearchResult]:
    service.reply = json_reply(SHAPES[name].answer(found), **how)
    return list(provider_at(name, service.address).search(query, limit, SearchWatch()))


@pytest.mark.parametrize("name", NAMES)
def test_a_service_is_asked_by_its_path_parameters_and_headers(name: str, service: LoopbackService) -> None:
    shape = SHAPES[name]
    assert searched(service, name, [], KOREAN) == []
    (request,) = service.requests
    assert (request.method, request.path) == (shape.method, shape.path)
    assert request.asked == shape.asked(KOREAN, 5)
    assert shape.headers.items() <= request.headers.items()
    every = {"accept-encoding": "gzip", "accept": "application/json", "user-agent": "Narani"}
    assert every.items() <= request.headers.items() and "cookie" not in request.headers


@pytest.mark.parametrize("query", TRICKY)
@pytest.mark.parametrize("name", NAMES)
def test_whatever_a_person_writes_arrives_as_written(name: str, query: str, service: LoopbackService) -> None:
    shape = SHAPES[name]
    searched(service, name, [], query)
    (request,) = service.requests
    wanted = {**shape.asked(" ".join(query.split()), 5), **shape.foreign}
    assert request.asked == {key: value for key, value in wanted.items() if value is not None}
    assert request.body or unquote_plus(request.query).isprintable()


@pytest.mark.parametrize("name", NAMES)
def test_no_service_is_asked_for_more_than_it_gives(name: str, service: LoopbackService) -> None:
    shape = SHAPES[name]
    many = [found_as(name, "t", f"https://a.example/{at}", "s") for at in range(200)]
    assert len(searched(service, name, many, limit=1000)) == shape.most
    assert service.requests[0].asked == shape.asked("한국", shape.most)
    assert [each.url for each in searched(service, name, many, limit=2)] == [
        "https://a.example/0",
        "https://a.example/1",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_long_question_is_cut_between_words_to_what_services_take(
    name: str, service: LoopbackService
) -> None:
    searched(service, name, [], "가나다라마바사아자차" * 5 + " 낱말" * 1000)
    searched(service, name, [], "가" * 5000)
    key = "query" if "query" in service.requests[0].asked else "q"
    first, second = (request.asked[key] for request in service.requests)
    assert len(first) <= 400 and len(first.split()) == 50 and first.endswith(" 낱말")
    assert second == "가" * 400


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("query", ["", "  \n", "\u200b\x00"])
def test_an_empty_question_is_not_asked(name: str, query: str, service: LoopbackService) -> None:
    assert searched(service, name, [found_as(name, "t", "https://a.example/", "s")], query) == []
    assert searched(service, name, [found_as(name, "t", "https://a.example/", "s")], limit=0) == []
    assert not service.requests


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_results_come_with_their_text_plain_and_their_order_kept(
    name: str, packed: bool, service: LoopbackService
) -> None:
    first = found_as(
        name, "<b>훈민정음</b> &amp; &quot;해례&quot;", "https://WWW.a.example:443/b?c=d&e=%20#f", "ㄱ"
    )
    second = found_as(name, "둘", "http://b.example:8080", "&lt;b&gt;란 <strong>굵게</strong>\n하는\t태그")
    assert searched(service, name, [first, second], packed=packed) == [
        SearchResult('훈민정음 & "해례"', "https://www.a.example/b?c=d&e=%20", "ㄱ", "a.example"),
        SearchResult("둘", "http://b.example:8080/", "<b>란 굵게 하는 태그", "b.example"),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_found_is_an_empty_list_in_every_shape(name: str, service: LoopbackService) -> None:
    for answer in SHAPES[name].empty:
        service.reply = json_reply(answer)
        assert list(provider_at(name, service.address).search("한국", 5, SearchWatch())) == []


@pytest.mark.parametrize("name", NAMES)
def test_what_lacks_keys_or_holds_other_values_spoils_nothing_else(
    name: str, service: LoopbackService
) -> None:
    title, url, text = SHAPES[name].fields
    odd: list[Any] = [
        None,
        3,
        "text",
        [],
        {},
        {title: "no address"},
        {url: None},
        {url: 7, title: "a number"},
        {url: "javascript:alert(1)", title: "no web"},
        {url: "https://only.example/address"},
        {url: "https://odd.example/", title: ["x"], text: {"y": 1}},
        found_as(name, "whole", "https://whole.example/", "text"),
    ]
    assert searched(service, name, odd) == [
        SearchResult("only.example", "https://only.example/address", "", "only.example"),
        SearchResult("odd.example", "https://odd.example/", "", "odd.example"),
        SearchResult("whole", "https://whole.example/", "text", "whole.example"),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_page_comes_once(name: str, service: LoopbackService) -> None:
    same = ("https://a.example/p", "https://A.example/p", "http://a.example/p/", "https://a.example:443/p#x")
    found = [found_as(name, f"{at}", url, "s") for at, url in enumerate(same)]
    other = found_as(name, "other", "https://a.example/p?q=1", "s")
    assert [each.title for each in searched(service, name, [*found, other])] == ["0", "other"]


@pytest.mark.parametrize("name", NAMES)
def test_a_title_of_ten_thousand_letters_is_cut(name: str, service: LoopbackService) -> None:
    (result,) = searched(service, name, [found_as(name, "긴" * 10_000, "https://a.example/", "글" * 10_000)])
    assert (len(result.title), result.title[-1], len(result.snippet)) == (300, "…", 2_000)


@pytest.mark.parametrize(
    ("name", "key"), [("searxng", "publishedDate"), ("brave", "age"), ("tavily", "published_date")]
)
def test_a_date_is_kept_as_the_service_says_it(name: str, key: str, service: LoopbackService) -> None:
    found = {**found_as(name, "t", "https://a.example/", "s"), key: "2026-11-26"}
    assert searched(service, name, [found])[0].date == "2026-11-26"


def test_searxng_may_lie_below_a_path(service: LoopbackService) -> None:
    service.reply = json_reply({})
    provider_at("searxng", f"{service.address}/searx/").search("한국", 5, SearchWatch())
    assert service.requests[0].path == "/searx/search"
