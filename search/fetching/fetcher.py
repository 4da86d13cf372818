"""From an address that a search provider returned to the bytes of the page, or to one sentence why not.

Every redirect is an address like the first: parsed, resolved, checked, and looked for in robots.txt.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message

import httpcore

from search.extraction.characters import decoded, seen
from search.extraction.extracting import KINDS, PDF
from search.fetching.address import WebAddress, following_address, parsed_address
from search.fetching.connecting import Connecting, Deadline, Reply
from search.fetching.page_cache import FetchedPage, PageCache
from search.fetching.robots import RobotsRules
from search.problems import SearchProblem
from search.watch import SearchWatch
from versions import commit

_REDIRECTS = (301, 302, 303, 307, 308)
_ROBOTS_SECONDS, _ROBOTS_FAILED_SECONDS = 3_600.0, 60.0
_MOST_ROBOTS = 1_000
_BINARY = (b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"PK\x03\x04", b"%PDF-", b"\x1f\x8b", b"\x7fELF", b"RIFF")
_LOOKED_AT = 2_048
_CONTROLS = bytes({*range(32), 127} - {9, 10, 12, 13, 27})


@dataclass(frozen=True)
class FetchLimits:
    """What one page may cost."""

    seconds: float = 8.0
    """In all: robots.txt, redirects and body."""
    body: int = 2_000_000
    """Bytes, unpacked."""
    redirects: int = 5
    robots: int = 500_000
    """Bytes of a robots.txt that are read; its rest is not."""


def user_agent() -> str:
    version = (commit() or "unknown")[:12]
    return f"Narani/{version} (reads a page for one person's question; follows robots.txt)"


@dataclass
class Fetcher:
    """One a process; any thread may fetch."""

    cache: PageCache | None = None
    limits: FetchLimits = FetchLimits()
    connecting: Connecting = Connecting()
    agent: str = field(default_factory=user_agent)
    _robots: dict[str, tuple[float, RobotsRules | None]] = field(default_factory=dict, init=False)
    """For each origin until when its file counts, and the rules; None where the file could not be had."""

    def fetch(self, url: str, watch: SearchWatch) -> FetchedPage:
        """Raises `SearchProblem` with what a person may be told, and `Stopped`."""
        address = parsed_address(url)
        if self.cache is not None and (kept := self.cache.get(str(address))) is not None:
            return kept
        deadline = Deadline(self.limits.seconds, watch)
        with self._told(address):
            final, reply = self._followed(address, deadline)
        page = _page(final, reply, self.limits.body)
        if self.cache is not None and "no-store" not in reply.headers.get("cache-control", "").lower():
            self.cache.put(str(address), page)
        return page

    def _followed(self, address: WebAddress, deadline: Deadline) -> tuple[WebAddress, Reply]:
        first = address
        for _ in range(self.limits.redirects + 1):
            self._ask_robots(address, deadline)
            reply = self._get(address, self.limits.body, deadline)
            if reply.status not in _REDIRECTS:
                return address, reply
            address = following_address(address, _location(reply))
        raise SearchProblem("search-page-redirects", name=first.host, most=self.limits.redirects)

    def _get(self, address: WebAddress, most: int, deadline: Deadline) -> Reply:
        headers = [
            ("User-Agent", self.agent),
            ("Accept", ", ".join(KINDS)),
            ("Accept-Language", "ko, en;q=0.7"),
        ]
        return self.connecting.get(address, headers, most, deadline)

    def _ask_robots(self, address: WebAddress, deadline: Deadline) -> None:
        until, rules = self._robots.get(address.origin, (0.0, None))
        if until <= time.monotonic():
            rules = self._robots_of(address, deadline)
            kept = _ROBOTS_SECONDS if rules else _ROBOTS_FAILED_SECONDS
            if len(self._robots) >= _MOST_ROBOTS:
                self._robots.clear()
            self._robots[address.origin] = (time.monotonic() + kept, rules)
        if rules is None:
            raise SearchProblem("search-robots-unreachable", name=address.host)
        if not rules.allows(address.target):
            raise SearchProblem("search-robots-refuse", name=address.host)

    def _robots_of(self, address: WebAddress, deadline: Deadline) -> RobotsRules | None:
        """As RFC 9309 has it: without the file all is allowed, and where the host is out of order nothing."""
        place = WebAddress(address.scheme, address.host, address.port, "/robots.txt")
        for _ in range(self.limits.redirects + 1):
            reply = self._get(place, self.limits.robots, deadline)
            if reply.status in _REDIRECTS:
                place = following_address(place, _location(reply))
                continue
            if reply.status == 429 or reply.status >= 500:
                return None
            return RobotsRules(seen(decoded(reply.body)) if reply.status == 200 else "")
        return RobotsRules("")

    @contextmanager
    def _told(self, address: WebAddress) -> Iterator[None]:
        name = address.host
        try:
            yield
        except (TimeoutError, httpcore.TimeoutException):
            raise SearchProblem("search-page-late", name=name, seconds=self.limits.seconds) from None
        except (OSError, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise SearchProblem("search-page-unreachable", name=name) from error
        except zlib.error as error:
            raise SearchProblem("search-page-broken", name=name) from error


def _location(reply: Reply) -> str:
    """Headers are bytes that hold Latin-1 by rule and UTF-8 in fact."""
    data = reply.headers.get("location", "").encode("latin-1")
    return data.decode("utf-8", "replace")


def _page(address: WebAddress, reply: Reply, most: int) -> FetchedPage:
    name = address.host
    if reply.status != 200:
        raise SearchProblem("search-page-status", name=name, status=reply.status)
    told = Message()
    told["content-type"] = reply.headers.get("content-type", "")
    kind = told["content-type"].partition(";")[0].strip().lower()
    charset = str(told.get_param("charset") or "")
    if kind not in KINDS or (kind != PDF and _is_binary(reply.body, charset)):
        raise SearchProblem("search-page-kind", name=name)
    if reply.too_large:
        raise SearchProblem("search-page-too-large", name=name, megabytes=most / 1_000_000)
    return FetchedPage(str(address), kind, charset, reply.body)


def _is_binary(body: bytes, charset: str) -> bool:
    """Whether it is a picture or the like, whatever it is called."""
    start = body[:_LOOKED_AT]
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or charset.lower().startswith("utf-16"):
        return False
    controls = len(start) - len(start.translate(None, _CONTROLS))
    return start.startswith(_BINARY) or b"\0" in start or controls > len(start) / 50
