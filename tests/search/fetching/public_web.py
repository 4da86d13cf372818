"""A web of named hosts on public addresses, all of them one server on this machine, beside a listener that
stands for everything inside.

Knows: which names have which addresses, and that they may change from one question to the next; pages as raw
bytes or as acts on a socket; how often the listener inside was connected to.
Refuses to know: the guard. Its two doors are those that the fetcher has for everybody: resolver and network.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpcore

from search.fetching.connecting import Connecting, resolved
from search.fetching.fetcher import Fetcher, FetchLimits
from search.fetching.page_cache import PageCache
from search.watch import SearchWatch

PUBLIC, ALSO_PUBLIC = "93.184.215.14", "2606:2800:21f:cb07::1"
INSIDE = "127.0.0.1"

Act = Callable[[socket.socket], None]


@dataclass
class PublicWeb(httpcore.NetworkBackend):
    pages: dict[str, bytes | Act] = field(default_factory=dict)
    """By host and path: a whole reply, or what is done on the connection. Others are not found."""
    names: dict[str, list[Sequence[str]]] = field(default_factory=dict)
    """The answers that a resolver gives in turn, of which the last stays. Other names under .example have a
    public address, and the system is asked for all others."""
    requests: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    connected: list[str] = field(default_factory=list)
    """The addresses that were connected to."""
    inside: int = 0
    tls: ssl.SSLContext | None = None
    """Of the server."""
    _ports: tuple[int, int] = (0, 0)

    def resolve(self, host: str, port: int) -> Sequence[str]:
        answers = self.names.get(host)
        if answers:
            return answers.pop(0) if len(answers) > 1 else answers[0]
        return [PUBLIC] if host.endswith(".example") else resolved(host, port)

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        self.connected.append(host)
        public, inside = self._ports
        there = public if host in (PUBLIC, ALSO_PUBLIC) else inside
        return httpcore.SyncBackend().connect_tcp("127.0.0.1", there, timeout=5)

    def fetcher(
        self, cache: PageCache | None = None, tls: ssl.SSLContext | None = None, **limits: Any
    ) -> Fetcher:
        return Fetcher(cache, FetchLimits(**{"seconds": 5.0, **limits}), Connecting(self.resolve, self, tls))

    def asked(self) -> list[str]:
        """What was asked for but robots.txt."""
        return [request for request in self.requests if not request.endswith("/robots.txt")]

    def answer(self, connection: socket.socket) -> None:
        if self.tls is not None:
            connection = self.tls.wrap_socket(connection, server_side=True)
        with connection:
            head = b""
            while b"\r\n\r\n" not in head and (piece := connection.recv(65_536)):
                head += piece
            lines = head.decode("latin-1").split("\r\n")
            host = next((line[6:] for line in lines if line.startswith("Host: ")), "")
            asked = host + lines[0].split(" ")[1]
            self.heads.append(head.decode("latin-1"))
            self.requests.append(asked)
            page = self.pages.get(asked, reply(b"", 404))
            page(connection) if callable(page) else connection.sendall(page)


def reply(
    body: bytes = b"", status: int = 200, kind: str | None = "text/html; charset=utf-8", **headers: str
) -> bytes:
    told = {"Content-Length": str(len(body)), **({"Content-Type": kind} if kind is not None else {})}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in told.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def page_of(text: str, title: str = "제목") -> bytes:
    return reply(f"<title>{title}</title><p>{text}</p>".encode())


def elsewhere(location: str, status: int = 302) -> bytes:
    return reply(b"", status, Location=location)


@contextmanager
def served() -> Iterator[PublicWeb]:
    web = PublicWeb()

    def count(connection: socket.socket) -> None:
        web.inside += 1
        connection.sendall(page_of("안에 있는 비밀"))
        connection.close()

    with _listening(web.answer) as public, _listening(count) as inside:
        web._ports = (public, inside)
        yield web


@contextmanager
def _listening(act: Act) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)

    def work(connection: socket.socket) -> None:
        with contextlib.suppress(OSError, IndexError):
            connection.settimeout(10)
            act(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=work, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def watch() -> SearchWatch:
    return SearchWatch(20.0)
