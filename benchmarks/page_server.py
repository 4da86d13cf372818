"""Starts a stage in a process of its own and talks to it: the page over its port, the process over its pipe.

Knows: how to start it, when it is up, how to ask the process about itself, and how to end it.
Refuses to know: what happens on the page.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.page_client import Browser, new_cookie
from errors import AS_WRITTEN, NaraniError

ROOT = Path(__file__).parents[1]
_PATIENCE = 90.0


@dataclass(frozen=True)
class Server:
    """A stage that is up."""

    address: str
    home: Path
    process: subprocess.Popen[str]
    log: Path
    browsers: list[Browser] = field(default_factory=list)

    def browser(self, cookie: str | None = None) -> Browser:
        """A person's own; closed with the server."""
        self.browsers.append(Browser(self.address, cookie or new_cookie()))
        return self.browsers[-1]

    def ask(self, what: str) -> Any:
        """What the process says of itself (page_stage.py)."""
        assert self.process.stdin is not None and self.process.stdout is not None, "both are pipes"
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        reply = self.process.stdout.readline()
        if not reply:
            raise NaraniError(AS_WRITTEN, sentence="The server of the page ended.")
        return json.loads(reply)


@contextmanager
def open_server(
    home: Path | None = None, environment: dict[str, str] | None = None, **stage: Any
) -> Iterator[Server]:
    """`stage` as in page_stage.Stage; its home is a fresh folder where none is given."""
    with tempfile.TemporaryDirectory() as fresh:
        place = Path(fresh) if home is None else home
        port = free_port()
        options = [
            word for name, value in stage.items() for word in (f"--{name.replace('_', '-')}", str(value))
        ]
        log = Path(fresh, "server.log")
        with log.open("wb") as written:
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.page_stage", "--port", str(port), *options],
                cwd=ROOT,
                env={**os.environ, "NARANI_HOME": str(place), "NARANI_DEVICE": "cpu", **(environment or {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=written,
                text=True,
            )
        server = Server(f"http://127.0.0.1:{port}", place, process, log)
        try:
            _wait_for(f"{server.address}/_stcore/health", process, log)
            yield server
        finally:
            for browser in server.browsers:
                browser.close()
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(address: str, process: subprocess.Popen[str], log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.02)
    process.kill()
    raise NaraniError(
        AS_WRITTEN,
        sentence=f"The server of the page did not come up: {log.read_text(encoding='utf-8')[-1500:]}",
    )
