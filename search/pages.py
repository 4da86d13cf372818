"""From results of the web to passages of the pages behind them: fetched side by side, extracted, cut.

A page that cannot be read becomes a problem beside the passages of the others. What a page says is data: only
addresses of results are opened here, none that stands in a page.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from errors import Cause, NaraniError, Stopped
from search.extraction.extracting import extract
from search.fetching.address import parsed_address
from search.fetching.fetcher import Fetcher
from search.passages import passages
from search.problems import SearchProblem
from search.records import SearchResult
from search.watch import SearchWatch

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class PageReader:
    """One a process. The first `most_pages` results are read, `at_once` at the same time, and of a page its
    first `most_characters`: whatever is read has to be ranked while the person waits."""

    fetcher: Fetcher
    most_pages: int = 8
    at_once: int = 4
    most_characters: int = 30_000

    def read_pages(
        self, results: Sequence[SearchResult], watch: SearchWatch
    ) -> tuple[list[SearchResult], list[Cause]]:
        """The passages in the order of the results, and why pages are not among them. Raises `Stopped` at
        once when the person stops it; at the deadline what is there is given."""
        at_work = _PagesAtWork(self, results[: self.most_pages], watch)
        at_work.begin(self.at_once)
        total = len(at_work.results)
        while (done := at_work.done()) < total and watch.seconds_left > 0:
            watch.report("fetching", done, total)
            watch.check()
            at_work.wait(_LOOK_SECONDS)
        watch.check()
        return at_work.outcome()

    def passages_of(self, result: SearchResult, watch: SearchWatch) -> list[SearchResult]:
        """Raises `SearchProblem` where the page cannot be read."""
        fetched = self.fetcher.fetch(result.url, watch)
        host = parsed_address(fetched.url).host
        page = extract(fetched.body, fetched.kind, host, fetched.charset)
        known = replace(
            result,
            title=result.title or page.title,
            site=page.site or result.site or host,
            date=result.date or page.date,
            whole=True,
        )
        left = self.most_characters
        found: list[SearchResult] = []
        for text, number in page.parts:
            found += [replace(known, snippet=passage, page=number) for passage in passages(text[:left])]
            left -= len(text)
            if left <= 0:
                break
        return found


class _PagesAtWork:
    """Threads that nobody has to wait for: each page ends by its own deadline, and what ends after that is
    asked for by nobody."""

    def __init__(self, reader: PageReader, results: Sequence[SearchResult], watch: SearchWatch) -> None:
        self.results = results
        self._reader, self._watch = reader, watch
        self._waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._outcomes: dict[int, list[SearchResult] | Cause] = {}
        self._changed = threading.Condition()

    def begin(self, at_once: int) -> None:
        for number in range(len(self.results)):
            self._waiting.put(number)
        for _ in range(min(at_once, len(self.results))):
            threading.Thread(target=self._work, name="search-page", daemon=True).start()

    def done(self) -> int:
        return len(self._outcomes)

    def wait(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait(seconds)

    def outcome(self) -> tuple[list[SearchResult], list[Cause]]:
        read: list[SearchResult] = []
        problems: list[Cause] = []
        for number, result in enumerate(self.results):
            outcome = self._outcomes.get(number) or _too_late(result)
            if isinstance(outcome, Cause):
                problems.append(outcome)
            else:
                read += outcome
        return read, problems

    def _work(self) -> None:
        while not self._watch.stop_asked and self._watch.seconds_left > 0:
            try:
                number = self._waiting.get_nowait()
            except queue.Empty:
                return
            outcome = self._read(self.results[number])
            with self._changed:
                self._outcomes[number] = outcome
                self._changed.notify_all()

    def _read(self, result: SearchResult) -> list[SearchResult] | Cause:
        try:
            return self._reader.passages_of(result, self._watch)
        except Stopped:
            return []
        except NaraniError as problem:
            return problem.cause
        except Exception as error:  # noqa: BLE001 - whatever a page causes, the answer comes from the others
            _log.exception("a page could not be read")
            return SearchProblem("search-page-failed", name=_host(result), kind=type(error).__name__).cause


def _too_late(result: SearchResult) -> Cause:
    return SearchProblem("search-page-left", name=_host(result)).cause


def _host(result: SearchResult) -> str:
    return result.site or result.url.partition("://")[2].partition("/")[0] or result.url
