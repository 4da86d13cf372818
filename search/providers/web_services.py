"""What each search service is asked, and where its answer holds the results. Nothing else differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_TITLE_URL = {"title": "title", "url": "url"}
_NAVER = {"title": "title", "url": "link", "snippet": "description"}


@dataclass(frozen=True)
class WebQuery:
    """Fitted to what the service takes."""

    text: str
    count: int
    korean: bool
    """Whether it is written in Hangul: services then look among Korean pages first."""


@dataclass(frozen=True)
class ServiceRequest:
    """What is sent below the service's address. What may hold a key is in no print of it."""

    path: str
    asked: Mapping[str, str | int] = field(repr=False)
    """The parameters, or what is posted."""
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    posted: bool = False


@dataclass(frozen=True)
class WebService:
    """`request` says what is asked by a query and the keys under their variables' names."""

    name: str
    title: str
    address: str
    """The service's own address; empty where everybody runs their own."""
    most: int
    """Results that it gives at once."""
    request: Callable[[WebQuery, Mapping[str, str]], ServiceRequest]
    results: tuple[str, ...]
    """The keys on the way to the list of results."""
    fields: Mapping[str, str]
    keys: tuple[str, ...] = ()
    """The variables that hold what it knows us by."""


def _searxng(query: WebQuery, keys: Mapping[str, str]) -> ServiceRequest:
    language = "ko" if query.korean else "all"
    asked = {"q": query.text, "format": "json", "language": language, "pageno": "1"}
    return ServiceRequest("/search", asked)


def _naver(query: WebQuery, keys: Mapping[str, str]) -> ServiceRequest:
    asked = {"query": query.text, "display": str(query.count), "start": "1", "format": "json"}
    headers = {
        "X-NCP-APIGW-API-KEY-ID": keys["NAVER_API_HUB_KEY_ID"],
        "X-NCP-APIGW-API-KEY": keys["NAVER_API_HUB_KEY"],
    }
    return ServiceRequest("/search/v1/webkr", asked, headers)


def _naver_old(query: WebQuery, keys: Mapping[str, str]) -> ServiceRequest:
    asked = {"query": query.text, "display": str(query.count), "start": "1"}
    headers = {
        "X-Naver-Client-Id": keys["NAVER_CLIENT_ID"],
        "X-Naver-Client-Secret": keys["NAVER_CLIENT_SECRET"],
    }
    return ServiceRequest("/v1/search/webkr.json", asked, headers)


def _google(query: WebQuery, keys: Mapping[str, str]) -> ServiceRequest:
    asked = {
        "key": keys["GOOGLE_API_KEY"],
        "cx": keys["GOOGLE_CSE_ID"],
        "q": query.text,
        "num": str(query.count),
        "start": "1",
        **({"gl": "kr"} if query.korean else {}),
    }
    return ServiceRequest("/customsearch/v1", asked)


def _brave(query: WebQuery, keys: Mapping[str, str]) -> ServiceRequest:
    place = {"country": "KR", "search_lang": "ko"} if query.korean else {}
    asked = {"q": query.text, "count": str(query.count), "offset": "0", **place}
    headers = {"X-Subscription-Token": keys["BRAVE_SEARCH_API_KEY"]}
    return ServiceRequest("/res/v1/web/search", asked, headers)


def _tavily(query: WebQuery, keys: Mapping[str, str]) -> ServiceRequest:
    asked: dict[str, str | int]
    asked = {"query": query.text, "max_results": query.count, "search_depth": "basic"}
    headers = {"Authorization": f"Bearer {keys['TAVILY_API_KEY']}"}
    return ServiceRequest("/search", asked, headers, posted=True)


WEB_SERVICES = (
    WebService(
        "searxng",
        "SearXNG",
        address="",
        most=50,
        request=_searxng,
        results=("results",),
        fields={**_TITLE_URL, "snippet": "content", "date": "publishedDate"},
    ),
    WebService(
        "naver",
        "Naver",
        address="https://naverapihub.apigw.ntruss.com",
        most=100,
        request=_naver,
        results=("items",),
        fields=_NAVER,
        keys=("NAVER_API_HUB_KEY_ID", "NAVER_API_HUB_KEY"),
    ),
    WebService(
        "naver-old",
        "Naver Open API",
        address="https://openapi.naver.com",
        most=100,
        request=_naver_old,
        results=("items",),
        fields=_NAVER,
        keys=("NAVER_CLIENT_ID", "NAVER_CLIENT_SECRET"),
    ),
    WebService(
        "google",
        "Google Programmable Search",
        address="https://www.googleapis.com",
        most=10,
        request=_google,
        results=("items",),
        fields={"title": "title", "url": "link", "snippet": "snippet"},
        keys=("GOOGLE_API_KEY", "GOOGLE_CSE_ID"),
    ),
    WebService(
        "brave",
        "Brave Search",
        address="https://api.search.brave.com",
        most=20,
        request=_brave,
        results=("web", "results"),
        fields={**_TITLE_URL, "snippet": "description", "date": "age"},
        keys=("BRAVE_SEARCH_API_KEY",),
    ),
    WebService(
        "tavily",
        "Tavily",
        address="https://api.tavily.com",
        most=20,
        request=_tavily,
        results=("results",),
        fields={**_TITLE_URL, "snippet": "content", "date": "published_date"},
        keys=("TAVILY_API_KEY",),
    ),
)
