"""One request to a search service: how long and how large it may be, and every way in which it can fail.

Addresses and headers hold keys and what a person searched for. So nothing of a request or of an answer gets
into an error, and requests go past the client of httpx, which writes every address into its log.
"""

from __future__ import annotations

import json
import re
import ssl
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from math import ceil
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx

from search.problems import SearchProblem
from search.providers.web_services import ServiceRequest, WebService
from search.unpacking import limited_body
from search.watch import SearchWatch

_SECONDS = 10.0
_CONNECT_SECONDS = 5.0
_MOST_BYTES = 4_000_000
"""The most that an answer has when it is unpacked; results of a hundred pages are a tenth of it."""
_WAIT_SECONDS = 60.0
"""How long a service that says "too often" is left alone where it names no time."""
_HEADERS = {"User-Agent": "Narani", "Accept": "application/json", "Accept-Encoding": "gzip"}
_TOO_OFTEN, _BUSY = 429, 503


class _TooLarge(Exception):
    """The answer is longer than any list of results."""


class _Waits:
    """Which services told this process to wait, and until when."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def begin(self, place: str, seconds: float) -> None:
        self._until[place] = time.monotonic() + seconds

    def check(self, place: str, service: WebService) -> None:
        left = self._until.get(place, 0.0) - time.monotonic()
        if left > 0:
            raise SearchProblem("search-wait", title=service.title, seconds=ceil(left))


_WAITS = _Waits()


def ask_json(
    service: WebService, address: str, wanted: ServiceRequest, watch: SearchWatch
) -> Mapping[str, Any]:
    """The object that the service answers with. A service that told us to wait is not asked before."""
    place = f"{address}{wanted.path}"
    _WAITS.check(place, service)
    seconds = min(_SECONDS, watch.seconds_left)
    with _told(service.title):
        status, headers, body = watch.wait_for(lambda: _exchange(place, wanted, seconds), seconds)
    if status == _TOO_OFTEN or (status == _BUSY and "retry-after" in headers):
        _WAITS.begin(place, _wait_seconds(headers.get("retry-after", "")))
        _WAITS.check(place, service)
    if problem := _refusal(status, service):
        raise problem
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise SearchProblem("search-not-json", title=service.title)
    return answer


@contextmanager
def _told(title: str) -> Iterator[None]:
    """An error of the network in our words; its own may hold the address."""
    try:
        yield
    except (TimeoutError, httpx.TimeoutException):
        raise SearchProblem("search-late", title=title) from None
    except _TooLarge:
        raise SearchProblem("search-too-large", title=title) from None
    except zlib.error:
        raise SearchProblem("search-not-json", title=title) from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, ImportError):
        raise SearchProblem("search-unreachable", title=title) from None


def _refusal(status: int, service: WebService) -> SearchProblem | None:
    if 200 <= status < 300:
        return None
    if status in (401, 403):
        code = "search-key-refused" if service.keys else "search-json-off"
    elif status < 400:
        code = "search-redirected"
    else:
        code = "search-refused" if status < 500 else "search-out-of-order"
    return SearchProblem(code, title=service.title, keys=service.keys, status=status)


def _wait_seconds(retry_after: str) -> float:
    """The header holds a number of seconds or a date."""
    if re.fullmatch(r"\d{1,9}", retry_after, re.ASCII):
        return max(1.0, float(retry_after))
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return _WAIT_SECONDS
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(1.0, (aware - datetime.now(UTC)).total_seconds())


def _exchange(place: str, wanted: ServiceRequest, seconds: float) -> tuple[int, httpx.Headers, bytes]:
    """Ends by itself, since nobody can end the thread that it runs in."""
    until = time.monotonic() + seconds
    limits = httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))
    request = httpx.Request(
        "POST" if wanted.posted else "GET",
        place,
        params=None if wanted.posted else wanted.asked,
        json=wanted.asked if wanted.posted else None,
        headers={**_HEADERS, **wanted.headers},
        extensions={"timeout": limits.as_dict()},
    )
    with httpx.HTTPTransport(verify=_tls(), proxy=_proxy(request.url)) as transport:
        response = transport.handle_request(request)
        try:
            packing = response.headers.get("content-encoding", "")
            body, too_large = limited_body(_in_time(response.iter_raw(), until), packing, _MOST_BYTES)
            if too_large:
                raise _TooLarge
            return response.status_code, response.headers, body
        finally:
            response.close()


def _in_time(pieces: Iterable[bytes], until: float) -> Iterator[bytes]:
    for piece in pieces:
        if time.monotonic() > until:
            raise TimeoutError
        yield piece


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates takes longer than a request within a house."""
    return httpx.create_ssl_context()


def _proxy(url: httpx.URL) -> str | None:
    """As the environment says."""
    proxies = getproxies()
    return None if proxy_bypass(url.host) else proxies.get(url.scheme) or proxies.get("all")
