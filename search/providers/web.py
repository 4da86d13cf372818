"""A search service of the web, and the search pages that ddgs reads, as providers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from errors import Cause
from search.problems import SearchProblem
from search.providers.results import one_line, plain_text, results_of
from search.providers.web_services import WebQuery, WebService
from search.records import SearchResult
from search.watch import SearchWatch
from settings import SEARCH_ADDRESSES, Settings

ReadKey = Callable[[str], str | None]
"""The value of a variable, from wherever keys are kept; asked at each search, so that no key is held here."""

_MOST_CHARACTERS, _MOST_WORDS = 400, 50
"""The most that a query has. Brave and Tavily take no more, and no page is found better by more words."""
_HANGUL = re.compile("[가-힣]")
_MOST_ENGINES = 8
_DDGS_SECONDS = 5
KOREA = "kr-ko"
"""As ddgs reads a region: a country, then a language. DuckDuckGo's own "kr-kr" leads it to kr.wikipedia.org,
which does not exist, and to pages in no language for its other engines."""
_DDGS_FIELDS = {"title": "title", "url": "href", "snippet": "body"}


class WebProvider:
    """Asks one service."""

    problems: Sequence[Cause] = ()

    def __init__(self, service: WebService, settings: Settings, read_key: ReadKey) -> None:
        self.name = service.name
        self._service = service
        self._address = settings.search_addresses.get(service.name, service.address).rstrip("/")
        self._read_key = read_key

    def search(self, query: str, limit: int, watch: SearchWatch) -> Sequence[SearchResult]:
        if problem := self.problem():
            raise problem
        asked = web_query(query, min(limit, self._service.most))
        if not asked.text or asked.count < 1:
            return ()
        from search.providers.http_client import ask_json  # not at the top: httpx takes longer than a page

        service = self._service
        answer = ask_json(service, self._address, service.request(asked, self._keys()), watch)
        found = results_of(_list_at(answer, service.results), service.fields, asked.count)
        silent = [] if found else _silent_engines(answer)
        if silent:
            raise SearchProblem("search-engines-silent", title=service.title, engines=silent)
        return found

    def problem(self) -> SearchProblem | None:
        """Why the service cannot be asked as things are. A key that no header can hold is refused here: the
        library's own error would say it."""
        title, keys = self._service.title, self._keys()
        if not self._address:
            return SearchProblem("search-address-missing", title=title, variable=SEARCH_ADDRESSES[self.name])
        if missing := [name for name in keys if not keys[name]]:
            return SearchProblem("search-key-missing", title=title, keys=missing)
        if wrong := [name for name in keys if not re.fullmatch("[!-~]+", keys[name])]:
            return SearchProblem("search-key-unreadable", title=title, keys=wrong)
        return None

    def _keys(self) -> Mapping[str, str]:
        return {name: (self._read_key(name) or "").strip() for name in self._service.keys}


class DdgsProvider:
    """Reads the public search pages through ddgs, which somebody has to have installed."""

    name = "ddgs"
    problems: Sequence[Cause] = ()

    def search(self, query: str, limit: int, watch: SearchWatch) -> Sequence[SearchResult]:
        asked = web_query(query, limit)
        if not asked.text or asked.count < 1:
            return ()
        try:
            found = watch.wait_for(lambda: _asked_ddgs(asked), 2 * _DDGS_SECONDS)
        except TimeoutError:
            raise SearchProblem("search-late", title="ddgs") from None
        return results_of(found, _DDGS_FIELDS, asked.count)


def web_query(query: str, count: int) -> WebQuery:
    words = one_line(query).split()[:_MOST_WORDS]
    while len(words) > 1 and len(" ".join(words)) > _MOST_CHARACTERS:
        words.pop()
    text = " ".join(words)[:_MOST_CHARACTERS]
    return WebQuery(text, count, _HANGUL.search(text) is not None)


def _asked_ddgs(query: WebQuery) -> Iterable[object]:
    try:
        from ddgs import DDGS
        from ddgs.exceptions import DDGSException, TimeoutException
    except ImportError:
        raise SearchProblem("search-ddgs-missing") from None
    region = KOREA if query.korean else "us-en"
    try:
        return list(DDGS(timeout=_DDGS_SECONDS).text(query.text, region=region, max_results=query.count))
    except TimeoutException:
        raise TimeoutError from None
    except DDGSException as error:
        if "No results" in str(error):
            return ()
        raise SearchProblem("search-ddgs-failed") from None


def _list_at(answer: Mapping[str, object], path: Iterable[str]) -> Iterable[object]:
    """Empty where a key on the way is missing or null, as services leave it out when nothing was found."""
    found: object = answer
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, list) else ()


def _silent_engines(answer: Mapping[str, object]) -> list[str]:
    """SearXNG says which of the engines that it asks gave nothing, as pairs of name and reason."""
    pairs = [each for each in _list_at(answer, ("unresponsive_engines",)) if isinstance(each, list) and each]
    return [plain_text(pair[0], 40) for pair in pairs][:_MOST_ENGINES]
