"""One request to a checked machine, within limits of time and size.

The name is resolved once, every address that it has is checked, and the connection goes to a checked address
itself: a name server that answers differently the next time is not asked a next time. Server name and Host
stay those of the page, so certificates are checked against them. httpcore is used as it stands, because it
looks at no environment: a proxy named there would resolve the name anew, behind the check.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import httpcore
import httpx

from search.fetching.address import WebAddress, is_public
from search.problems import SearchProblem
from search.unpacking import limited_body
from search.watch import SearchWatch

Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of the internet that a name has."""

_CONNECT_SECONDS = 3.0
"""For each address of a host, so that one that is dead leaves time for the next."""
_LOOK_SECONDS = 0.2
"""How often a read that waits looks whether it was stopped."""
_lock = threading.Lock()


class Deadline:
    """When one page has to be there, robots.txt and redirects included."""

    def __init__(self, seconds: float, watch: SearchWatch) -> None:
        self.watch = watch
        self._until = time.monotonic() + min(seconds, watch.seconds_left)

    def left(self) -> float:
        """In seconds; raises `TimeoutError` when it is over, and `Stopped` when the person stopped it."""
        self.watch.check()
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


@dataclass(frozen=True)
class Reply:
    """What came back; of a body that was too large its beginning."""

    status: int
    headers: dict[str, str]
    """Names in small letters."""
    body: bytes
    too_large: bool


def resolved(host: str, port: int) -> Sequence[str]:
    """The addresses that the system's resolver gives."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True)
class Connecting:
    """How machines are found and reached. The guard is not a part of it: whatever stands here, only public
    addresses are handed on to `network`."""

    resolve: Resolve = resolved
    network: httpcore.NetworkBackend | None = None
    tls: ssl.SSLContext | None = None

    def get(
        self, address: WebAddress, headers: Iterable[tuple[str, str]], most: int, deadline: Deadline
    ) -> Reply:
        """Raises `TimeoutError` and `Stopped` as the deadline does, `SearchProblem` where the address leads
        inside or has no machine, `OSError` or what httpcore and zlib raise where the connection fails."""
        backend = _CheckedBackend(
            self._checked(address, deadline), self.network or httpcore.SyncBackend(), deadline
        )
        url = httpcore.URL(scheme=address.scheme, host=address.host, port=address.port, target=address.target)
        sent = [("Host", address.authority), ("Accept-Encoding", "gzip"), ("Connection", "close"), *headers]
        tls = self.tls or _tls() if address.scheme == "https" else None
        with (
            httpcore.ConnectionPool(tls, max_connections=1, network_backend=backend) as pool,
            pool.stream("GET", url, headers=sent) as response,
        ):
            told = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
            }
            body, too_large = limited_body(response.iter_stream(), told.get("content-encoding", ""), most)
            return Reply(response.status, told, body, too_large)

    def _checked(self, address: WebAddress, deadline: Deadline) -> Sequence[str]:
        try:
            found = deadline.watch.wait_for(
                partial(self.resolve, address.host, address.port), deadline.left()
            )
        except TimeoutError:
            raise
        except (OSError, UnicodeError):
            found = ()
        if not found:
            raise SearchProblem("search-host-unknown", name=address.host)
        if not all(map(is_public, found)):
            raise SearchProblem("search-address-inside", name=address.host)
        return found


class _CheckedBackend(httpcore.NetworkBackend):
    """Connects to these addresses alone, whatever host is named."""

    def __init__(
        self, addresses: Sequence[str], network: httpcore.NetworkBackend, deadline: Deadline
    ) -> None:
        self._addresses, self._network, self._deadline = addresses, network, deadline

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        failed: Exception = httpcore.ConnectError()
        for address in self._addresses:
            seconds = min(self._deadline.left(), _CONNECT_SECONDS)
            try:
                stream = self._network.connect_tcp(address, port, timeout=seconds)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
            else:
                return _LimitedStream(stream, self._deadline)
        raise failed


class _LimitedStream(httpcore.NetworkStream):
    """A page that sends a byte now and then keeps within every limit of a single read; this one ends it."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            seconds = min(self._deadline.left(), _LOOK_SECONDS)
            try:
                return self._stream.read(max_bytes, seconds)
            except httpcore.ReadTimeout:
                continue

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left())
        return _LimitedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _tls() -> ssl.SSLContext:
    """Made by whoever comes first: reading the certificates takes as long as fetching a page."""
    with _lock:
        return _made_tls()


@cache
def _made_tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)
