"""What each search service has to be asked, and its answers in the shape that it documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from search.providers.catalog import build_provider
from search.providers.web import WebProvider
from settings import Settings

CANARY = "canary"
SECRETS = {
    name: f"{CANARY}-{name.lower()}"
    for name in (
        "NAVER_API_HUB_KEY_ID",
        "NAVER_API_HUB_KEY",
        "NAVER_CLIENT_ID",
        "NAVER_CLIENT_SECRET",
        "GOOGLE_API_KEY",
        "GOOGLE_CSE_ID",
        "BRAVE_SEARCH_API_KEY",
        "TAVILY_API_KEY",
    )
}


def secret(name: str) -> str | None:
    return SECRETS.get(name)


def no_key(name: str) -> str | None:
    return None


@dataclass(frozen=True)
class ServiceShape:
    """`asked` is given the query and the count of results that the service has to be asked for."""

    method: str
    path: str
    asked: Callable[[str, int], dict[str, Any]]
    answer: Callable[[list[Any]], dict[str, Any]]
    empty: tuple[dict[str, Any], ...]
    """Every way in which it says that nothing was found."""
    fields: tuple[str, str, str]
    """What it calls title, address and text."""
    most: int
    headers: Mapping[str, str] = field(default_factory=dict)
    foreign: Mapping[str, str | None] = field(default_factory=dict)
    """What it is asked otherwise where the query is not Korean; None: not at all."""


def _naver_answer(items: list[Any]) -> dict[str, Any]:
    built = "Thu, 26 Nov 2026 09:00:00 +0900"
    return {"lastBuildDate": built, "total": "3", "start": 1, "display": len(items), "items": items}


_NAVER = ServiceShape(
    "GET",
    "/search/v1/webkr",
    lambda query, count: {"query": query, "display": str(count), "start": "1", "format": "json"},
    _naver_answer,
    (_naver_answer([]), {"total": 0}, {}),
    ("title", "link", "description"),
    100,
    {
        "x-ncp-apigw-api-key-id": SECRETS["NAVER_API_HUB_KEY_ID"],
        "x-ncp-apigw-api-key": SECRETS["NAVER_API_HUB_KEY"],
    },
)

SHAPES = {
    "searxng": ServiceShape(
        "GET",
        "/search",
        lambda query, _: {"q": query, "format": "json", "language": "ko", "pageno": "1"},
        lambda found: {
            "query": "q",
            "number_of_results": 0,
            "results": found,
            "answers": [],
            "suggestions": [],
        },
        ({"results": [], "unresponsive_engines": []}, {"results": None}, {}),
        ("title", "url", "content"),
        50,
        foreign={"language": "all"},
    ),
    "naver": _NAVER,
    "naver-old": replace(
        _NAVER,
        path="/v1/search/webkr.json",
        asked=lambda query, count: {"query": query, "display": str(count), "start": "1"},
        headers={
            "x-naver-client-id": SECRETS["NAVER_CLIENT_ID"],
            "x-naver-client-secret": SECRETS["NAVER_CLIENT_SECRET"],
        },
    ),
    "google": ServiceShape(
        "GET",
        "/customsearch/v1",
        lambda query, count: {
            "key": SECRETS["GOOGLE_API_KEY"],
            "cx": SECRETS["GOOGLE_CSE_ID"],
            "q": query,
            "num": str(count),
            "start": "1",
            "gl": "kr",
        },
        lambda found: {
            "searchInformation": {"totalResults": "3"},
            "queries": {"nextPage": [{}]},
            "items": found,
        },
        ({"searchInformation": {"totalResults": "0"}}, {"items": []}),
        ("title", "link", "snippet"),
        10,
        foreign={"gl": None},
    ),
    "brave": ServiceShape(
        "GET",
        "/res/v1/web/search",
        lambda query, count: {
            "q": query,
            "count": str(count),
            "offset": "0",
            "country": "KR",
            "search_lang": "ko",
        },
        lambda found: {"type": "search", "web": {"type": "search", "results": found}},
        ({"type": "search", "web": None}, {"type": "search"}, {"web": {"results": []}}),
        ("title", "url", "description"),
        20,
        {"x-subscription-token": SECRETS["BRAVE_SEARCH_API_KEY"]},
        foreign={"country": None, "search_lang": None},
    ),
    "tavily": ServiceShape(
        "POST",
        "/search",
        lambda query, count: {"query": query, "max_results": count, "search_depth": "basic"},
        lambda found: {"query": "q", "answer": None, "results": found, "response_time": "1.2"},
        ({"results": [], "response_time": 0.3}, {"results": None}, {}),
        ("title", "url", "content"),
        20,
        {"authorization": f"Bearer {SECRETS['TAVILY_API_KEY']}", "content-type": "application/json"},
    ),
}


def found_as(name: str, title: object, url: object, text: object) -> dict[str, Any]:
    """A result under the names that the service uses."""
    return dict(zip(SHAPES[name].fields, (title, url, text), strict=True))


def provider_at(name: str, address: str) -> WebProvider:
    provider = build_provider(name, Settings(Path(), search_addresses={name: address}), secret)
    assert isinstance(provider, WebProvider)
    return provider
