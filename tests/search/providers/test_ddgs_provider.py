"""ddgs is asked as its library wants it, its failures are told, and it may be missing.

The library reads pages of the web, so another stands in its place here; that it still takes what it is given
is read off the real one where it is installed.

Run: python -m pytest tests/search/providers/test_ddgs_provider.py
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from errors import Stopped
from search.problems import SearchProblem
from search.providers.catalog import build_provider, provider_entries
from search.providers.web import KOREA
from search.records import SearchResult
from search.watch import SearchWatch
from settings import Settings
from tests.search.providers.service_shapes import no_key

FOUND = [
    {"title": "<b>하나</b>", "href": "https://a.example/1", "body": "글 &amp; 글"},
    {"title": "no address"},
    {"title": "둘", "href": "https://a.example/1#again", "body": ""},
    {"title": "셋", "href": "https://b.example/3"},
]


class DdgsInPlace:
    """Notes what it is asked, and gives or raises what a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: Callable[[], list[dict[str, str]]] = lambda: FOUND
        self.module, self.errors = ModuleType("ddgs"), ModuleType("ddgs.exceptions")
        for name in ("DDGSException", "TimeoutException"):
            bases = (Exception,) if name == "DDGSException" else (self.errors.DDGSException,)
            setattr(self.errors, name, type(name, bases, {}))
        self.module.DDGS = self._made  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "ddgs", self.module)
        monkeypatch.setitem(sys.modules, "ddgs.exceptions", self.errors)

    def _made(self, **options: Any) -> DdgsInPlace:
        self.asked.append(options)
        return self

    def text(self, query: str, **options: Any) -> list[dict[str, str]]:
        self.asked.append({"query": query, **options})
        return self.answer()


@pytest.fixture
def ddgs(monkeypatch: pytest.MonkeyPatch) -> DdgsInPlace:
    return DdgsInPlace(monkeypatch)


def searched(query: str = "한국", watch: SearchWatch | None = None) -> list[SearchResult]:
    return list(build_provider("ddgs", Settings(Path()), no_key).search(query, 3, watch or SearchWatch()))


def test_it_is_asked_for_korean_pages_and_its_results_are_read(ddgs: DdgsInPlace) -> None:
    assert searched("세종 & +1") == [
        SearchResult("하나", "https://a.example/1", "글 & 글", "a.example"),
        SearchResult("셋", "https://b.example/3", "", "b.example"),
    ]
    assert ddgs.asked == [{"timeout": 5}, {"query": "세종 & +1", "region": "kr-ko", "max_results": 3}]
    searched("plain")
    assert ddgs.asked[-1]["region"] == "us-en"
    assert searched(" ") == []


@pytest.mark.parametrize(
    ("kind", "says", "code"),
    [
        ("DDGSException", "202 Ratelimit", "search-ddgs-failed"),
        ("TimeoutException", "operation timed out", "search-late"),
        ("DDGSException", "No results found.", None),
    ],
)
def test_its_errors_are_told_in_our_words(ddgs: DdgsInPlace, kind: str, says: str, code: str | None) -> None:
    def fail() -> list[dict[str, str]]:
        raise getattr(ddgs.errors, kind)(says)

    ddgs.answer = fail
    if code is None:
        assert searched() == []
        return
    with pytest.raises(SearchProblem) as raised:
        searched()
    assert raised.value.code == code and says not in str(raised.value)


@pytest.fixture
def never() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_stop_and_a_deadline_end_it_while_it_reads(ddgs: DdgsInPlace, never: threading.Event) -> None:
    ddgs.answer = lambda: FOUND if never.wait() else []
    with pytest.raises(SearchProblem) as late:
        searched(watch=SearchWatch(0.1))
    assert late.value.code == "search-late"
    watch = SearchWatch()
    threading.Timer(0.05, watch.stop).start()
    with pytest.raises(Stopped):
        searched(watch=watch)


def test_where_it_is_not_installed_the_list_and_a_search_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ddgs", None)  # as an import sees it that is not there
    entry = provider_entries(Settings(Path()), no_key)[-1]
    assert entry.why_not is not None and "pip install ddgs" in str(entry.why_not)
    with pytest.raises(SearchProblem) as missing:
        searched()
    assert missing.value.code == "search-ddgs-missing"


@pytest.mark.skipif(importlib.util.find_spec("ddgs") is None, reason="ddgs is not installed: it is opt-in")
def test_the_real_library_takes_what_it_is_given() -> None:
    from ddgs.ddgs import DDGS
    from ddgs.engines.wikipedia import Wikipedia
    from ddgs.exceptions import DDGSException, TimeoutException

    wikipedia = Wikipedia()
    wikipedia.build_payload("한국", KOREA, "moderate", None)
    assert issubclass(TimeoutException, DDGSException)
    assert "timeout" in inspect.signature(DDGS).parameters
    assert {"region", "max_results"} <= inspect.signature(DDGS._search_sync).parameters.keys()
    assert wikipedia.search_url.startswith("https://ko.wikipedia.org/")
    assert list(inspect.signature(DDGS.text).parameters)[:2] == ["self", "query"]
