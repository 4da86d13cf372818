"""first-paint: a fresh dashboard to the first words on the screen, over a page of one line.

Knows: both servers, and that the bare import of streamlit is less than any page can take.
Refuses to know: what the page does until then.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from statistics import median

from benchmarks.page_client import Browser, new_cookie
from benchmarks.page_server import ROOT, free_port
from benchmarks.rounds import Effort, Measured, Stopwatch, paired
from errors import AS_WRITTEN, NaraniError

_PATIENCE = 60.0
_BARE = "import streamlit as st\nst.write('나란히')\n"


def measure(effort: Effort) -> Measured:
    """Seconds from starting the server to its menu at a first visitor, over those to the one line."""
    with tempfile.TemporaryDirectory() as place:
        bare_page = Path(place, "bare.py")
        bare_page.write_text(_BARE, encoding="utf-8")
        whole: list[float] = []
        ours = Stopwatch(lambda: seconds_to_paint("comparison_app.py", whole))
        bare = Stopwatch(lambda: seconds_to_paint(str(bare_page), []))
        values = paired(ours, bare, effort.rounds)
        alone = Stopwatch(_seconds_to_import)
        for _ in range(effort.rounds):
            alone()
    return Measured(
        values,
        notes=(
            f"the menu: {ours.median:.2f} s; the whole first page: {median(whole):.2f} s",
            f"a page of one line: {bare.median:.2f} s; import streamlit alone: {alone.median:.2f} s",
        ),
    )


def seconds_to_paint(page: str, whole: list[float]) -> float:
    """To the first words; to the whole page is added to `whole`."""
    with tempfile.TemporaryDirectory() as home:
        port = free_port()
        options = [
            "--server.port",
            str(port),
            "--server.headless",
            "true",
            "--server.fileWatcherType",
            "none",
        ]
        started = time.monotonic()
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", page, *options],
            cwd=ROOT,
            env={**os.environ, "NARANI_HOME": home},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            first = _open_when_up(Browser(f"http://127.0.0.1:{port}", new_cookie()), server)
            whole.append(time.monotonic() - started)
            return first - started
        finally:
            server.terminate()
            server.wait(20)


def _open_when_up(browser: Browser, server: subprocess.Popen[bytes]) -> float:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and server.poll() is None:
        with suppress(ConnectionError):
            tab = browser.open()
            if tab.faults:
                raise NaraniError(AS_WRITTEN, sentence=f"The page broke: {tab.faults[0]}")
            tab.close()
            if tab.first_words is not None:
                return tab.first_words
        time.sleep(0.005)
    raise NaraniError(AS_WRITTEN, sentence="The page was not drawn.")


def _seconds_to_import() -> float:
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "import streamlit"], cwd=ROOT, check=True)
    return time.monotonic() - started
