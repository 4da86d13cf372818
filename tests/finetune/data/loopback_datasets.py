"""A hub on this machine that serves datasets of one file, as much as `datasets` asks for.

Knows: the addresses that `datasets` asks, and how a gated one is refused.
Refuses to know: what is in the file.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
GATED = b""


@contextmanager
def serving_datasets(datasets: Mapping[str, tuple[str, bytes]]) -> Iterator[str]:
    """The hub's address; each dataset has one file, by name and content. An empty one is gated."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, datasets))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, datasets: Mapping[str, tuple[str, bytes]], *args: object) -> None:
        self.datasets = datasets
        super().__init__(*args)  # type: ignore[arg-type]

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        parts = unquote(urlsplit(self.path).path).removeprefix("/api").strip("/").split("/")
        name, content = self.datasets.get("/".join(parts[1:3]), ("", None))
        if parts[0] != "datasets" or content is None:
            self._send(404, b"", {"X-Error-Code": "RepoNotFound"})
        elif content == GATED:
            self._send(403, b"", {"X-Error-Code": "GatedRepo"})
        elif self.path.startswith("/api"):
            self._send(200, json.dumps(self._described(parts[3:], name, content)).encode(), {})
        elif parts[-1] == name:
            self._send(200, content, {"ETag": f'"{_oid(content)}"', "X-Repo-Commit": COMMIT})
        else:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})

    def _described(self, asked: list[str], name: str, content: bytes) -> object:
        if "tree" in asked:
            return [{"type": "file", "path": name, "size": len(content), "oid": _oid(content)}]
        return {"id": "-", "sha": COMMIT, "siblings": [{"rfilename": name}]}

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for header, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(header, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
