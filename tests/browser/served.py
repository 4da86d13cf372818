"""The dashboard served as a user starts it, in a process and a home of its own.

Knows: how to start it, when it is up, and how to end it.
Refuses to know: browsers, tests, and which engine stands behind the page.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPTED = "tests.browser.scripted_server"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""What Chromium is started with: nothing of its own goes out."""


PEOPLE = "people.localhost"
"""Chromium finds it on this machine and trusts it like this machine, and it is none of our own names."""
_OPTIONS = (
    *("--server.fileWatcherType", "none"),
    *(word for name in ("localhost", "127.0.0.1", PEOPLE) for word in ("--server.allowedHosts", name)),
)


@dataclass(frozen=True)
class Served:
    """A server that is up."""

    address: str
    """Under a name at which each browser is a person of its own."""
    here: str
    """At which all browsers are this machine, as for whoever starts it at home."""
    process: subprocess.Popen[bytes]
    home: Path
    log: Path


@contextmanager
def served(
    folder: Path, *options: str, module: str = "streamlit", page: str = "comparison_app.py"
) -> Iterator[Served]:
    """A server of its own, with its home and its log in `folder`; `module` takes streamlit's words."""
    port = free_port()
    command = [sys.executable, "-m", module, "run", page, "--server.headless", "true"]
    home, log = folder / "home", folder / "log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [*command, "--server.port", str(port), *_OPTIONS, *options],
            cwd=ROOT,
            env={**os.environ, "NARANI_HOME": str(home), "NARANI_DEVICE": "cpu", "PYTHONPATH": str(ROOT)},
            stdout=written,
            stderr=written,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", process)
        yield Served(f"http://{PEOPLE}:{port}", f"http://127.0.0.1:{port}", process, home, log)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(address: str, server: subprocess.Popen[bytes], seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert server.poll() is None, "the server ended at once"
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server did not come up")
