"""A search service on this machine: it notes what it is asked, and answers as a test says.

It proves that a provider fits the shapes that services document, not that the services themselves work.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Reply:
    """What the service sends; `stall` announces a body of which no byte comes; `drip` sends byte by byte."""

    body: bytes = b"{}"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    stall: bool = False
    drip: bool = False
    cut: bool = False
    """The connection ends before the announced length."""


@dataclass(frozen=True)
class AskedFor:
    """A request as it came over the line."""

    method: str
    path: str
    query: str
    """Before it is decoded."""
    headers: Mapping[str, str]
    """Their names in small letters."""
    body: bytes

    @property
    def asked(self) -> dict[str, Any]:
        """The parameters, of the address or of the body."""
        return json.loads(self.body) if self.body else dict(parse_qsl(self.query, strict_parsing=True))


@dataclass
class LoopbackService:
    """`reply` is what comes next; `requests` what came."""

    address: str = ""
    reply: Reply = Reply()
    requests: list[AskedFor] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


def json_reply(answer: object, *, packed: bool = False, **more: Any) -> Reply:
    body = json.dumps(answer, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json"}
    if packed:
        body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
    return Reply(body, headers=headers, **more)


@contextmanager
def serving() -> Iterator[LoopbackService]:
    service = LoopbackService()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, service))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    service.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield service
    finally:
        service.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, service: LoopbackService, *args: Any) -> None:
        self.service = service
        super().__init__(*args)

    def log_message(self, format: str, *args: object) -> None:
        """Tests read what came instead."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.service.requests.append(AskedFor(self.command, parts.path, parts.query, headers, body))
        with suppress(ConnectionError):
            self._answer(self.service.reply)

    do_POST = do_GET

    def _answer(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Length", str(len(reply.body) + reply.cut))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()
        if reply.stall:
            self.service.over.wait()
        elif reply.drip:
            for at in range(len(reply.body)):
                self.wfile.write(reply.body[at : at + 1])
                if self.service.over.wait(0.02):
                    return
        else:
            self.wfile.write(reply.body)
