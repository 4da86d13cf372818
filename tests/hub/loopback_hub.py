"""A hub on this machine that speaks as much of the hub's protocol as a download needs, and can misbehave.

Knows: revisions, file listings, HEAD, Range, ETag, LFS redirects, gates, and how to cut, corrupt and stall.
Refuses to know: what is in the files it serves.
"""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_LFS = (".safetensors", ".bin")


@dataclass
class Faults:
    """What goes wrong; changed by a test while the hub runs."""

    status: int = 200
    """Answered to everything about the model instead of files."""
    error_code: str = ""
    """The hub's X-Error-Code that goes with it ("RepoNotFound", "GatedRepo")."""
    gated_files: int = 0
    """Listings are public, but files answer with this status as gated."""
    cut_after: int | None = None
    """The next large file's connection breaks once after so many bytes."""
    corrupt: str = ""
    """A file of this name is sent with one byte changed."""
    stall: bool = False
    """Files are announced, but no byte of a large one follows."""
    chunk_seconds: float = 0.0
    """A pause between pieces of a large file."""


@dataclass
class LoopbackHub:
    """Models by id, each a folder; `requests` records (method, path, Range) in order."""

    models: dict[str, Path]
    faults: Faults = field(default_factory=Faults)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    bytes_sent: int = 0
    said: dict[str, Any] = field(default_factory=dict)
    """What the listing of a model says beside its files."""
    address: str = ""

    def files(self, model: str) -> dict[str, Path]:
        folder = self.models[model]
        return {
            path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()
        }

    def ranges(self) -> list[str]:
        return [asked for _, _, asked in self.requests if asked]


@contextmanager
def serving(models: dict[str, Path]) -> Iterator[LoopbackHub]:
    """The hub, answering at `.address` until the block ends."""
    hub = LoopbackHub(models)
    server = _Server(("127.0.0.1", 0), partial(_Handler, hub))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        server.hang_up()
        thread.join()


class _Server(ThreadingHTTPServer):
    """Can end connections too: a client that keeps one open would go on being answered."""

    daemon_threads = True

    def __init__(self, *args: Any) -> None:
        self._connections: list[socket.socket] = []
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.append(request)
        super().process_request(request, client_address)

    def hang_up(self) -> None:
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, hub: LoopbackHub, *args: object) -> None:
        self.hub = hub
        super().__init__(*args)  # type: ignore[arg-type]

    def log_message(self, format: str, *args: object) -> None:
        """Tests read hub.requests instead."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path, self.headers.get("Range", "")))
        parts = path.strip("/").split("/")
        if parts[0] == "cdn":
            self._send_file(self.hub.files("/".join(parts[1:3]))["/".join(parts[3:])])
        elif parts[:2] == ["api", "models"]:
            self._listing("/".join(parts[2:4]), parts[4:])
        else:
            self._resolve("/".join(parts[:2]), parts[2:])

    def _listing(self, model: str, rest: list[str]) -> None:
        if self._refused(model, "/".join(rest[1:2])):
            return
        files = self.hub.files(model)
        if rest[0] == "tree":
            self._send_json([_entry(name, path) for name, path in files.items()])
        else:
            siblings = [{"rfilename": name, "size": path.stat().st_size} for name, path in files.items()]
            self._send_json({"id": model, "sha": COMMIT, "siblings": siblings, **self.hub.said})

    def _resolve(self, model: str, rest: list[str]) -> None:
        name = "/".join(rest[2:])
        if self._refused(model, rest[1]):
            return
        if self.hub.faults.gated_files:
            self._refuse(self.hub.faults.gated_files, "GatedRepo")
        elif name not in self.hub.files(model):
            self._refuse(404, "EntryNotFound")
        elif name.endswith(_LFS):
            self._redirect(model, name)
        else:
            path = self.hub.files(model)[name]
            self._send_file(path, {"ETag": f'"{_git_hash(path)}"', "X-Repo-Commit": COMMIT})

    def _redirect(self, model: str, name: str) -> None:
        path = self.hub.files(model)[name]
        headers = {
            "Location": f"{self.hub.address.replace('127.0.0.1', 'localhost')}/cdn/{model}/{name}",
            "X-Repo-Commit": COMMIT,
            "X-Linked-Etag": f'"{_sha256(path)}"',
            "X-Linked-Size": str(path.stat().st_size),
        }
        self._send(302, b"", headers)

    def _refused(self, model: str, revision: str) -> bool:
        if self.hub.faults.status != 200:
            self._refuse(self.hub.faults.status, self.hub.faults.error_code)
        elif model not in self.hub.models:
            self._refuse(404, "RepoNotFound")
        elif revision not in ("main", COMMIT):
            self._refuse(404, "RevisionNotFound")
        else:
            return False
        return True

    def _refuse(self, status: int, code: str) -> None:
        self._send(status, b"{}", {"X-Error-Code": code} if code else {})

    def _send_json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send_file(self, path: Path, headers: dict[str, str] | None = None) -> None:
        data = bytearray(path.read_bytes())
        if path.name == self.hub.faults.corrupt:
            data[-1] ^= 1
        asked = self.headers.get("Range", "")
        start, _, last = asked.removeprefix("bytes=").partition("-") if asked else ("0", "", "")
        begin, end = int(start), min(int(last or len(data)), len(data) - 1)
        extra = {"Content-Range": f"bytes {begin}-{end}/{len(data)}"} if asked else {}
        large = path.name.endswith(_LFS)
        self._send(206 if asked else 200, bytes(data[begin : end + 1]), {**(headers or {}), **extra}, large)

    def _send(self, status: int, body: bytes, headers: dict[str, str], large: bool = False) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        faults = self.hub.faults
        cut, pause, stall = faults.cut_after, faults.chunk_seconds, faults.stall
        if large and cut is not None:
            faults.cut_after = None
            body, self.close_connection = body[:cut], True
        if large and stall:
            self._pause(3.0)
            self.close_connection = True
            return
        piece = 4096 if large and pause else max(1, len(body))
        try:
            for begin in range(0, len(body), piece):
                self.wfile.write(body[begin : begin + piece])
                self.hub.bytes_sent += len(body[begin : begin + piece])
                self._pause(pause if large else 0.0)
        except OSError:
            self.close_connection = True

    def _pause(self, seconds: float) -> None:
        """Not time.sleep, which a test may take away from the downloader, and so from everyone."""
        if seconds:
            threading.Event().wait(seconds)


def _entry(name: str, path: Path) -> dict[str, object]:
    entry: dict[str, object] = {
        "type": "file",
        "path": name,
        "size": path.stat().st_size,
        "oid": _git_hash(path),
    }
    if name.endswith(_LFS):
        entry["lfs"] = {"oid": _sha256(path), "size": path.stat().st_size, "pointerSize": 130}
    return entry


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _git_hash(path: Path) -> str:
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
