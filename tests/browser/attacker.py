"""A loopback server that nothing may ever ask, and that remembers who did.

Knows: every request that reached it.
Refuses to know: what was drawn.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIXEL = b"<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>"


@dataclass
class Attacker:
    port: int
    asked: list[str] = field(default_factory=list)


@contextmanager
def attacker() -> Iterator[Attacker]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            listening.asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "image/svg+xml")
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()
            self.wfile.write(PIXEL)

        do_POST = do_HEAD = do_OPTIONS = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """It remembers and says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening = Attacker(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield listening
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
