"""Real servers and a real Chromium, started once for all browser tests, and people who fail on a faulty page.

Knows: how to start and stop them, where screenshots go, and what a browser may not complain of.
Refuses to know: what is looked at.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.browser.expecting import PATIENCE
from tests.browser.served import FLAGS, ROOT, SCRIPTED, Served, served
from tests.browser.served import free_port as _free_port
from tests.browser.served import wait_for as _wait_for

__all__ = ["ROOT", "SCREENSHOTS", "NewPerson", "_free_port", "_wait_for", "serving"]

SCREENSHOTS = ROOT / "screenshots"
NewPerson = Callable[..., BrowserContext]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        if os.environ.get("NARANI_CI"):
            pytest.fail("CI needs Debian's chromium; .ci/run installs it")
        pytest.skip("no chromium here: apt-get install chromium")
    SCREENSHOTS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def demo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The dashboard as a user starts it, on the demo models."""
    with served(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="session")
def address(demo_server: Served) -> str:
    return demo_server.address


@pytest.fixture(scope="session")
def scripted_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The same pages before an engine whose answers take as long as a test needs."""
    with served(tmp_path_factory.mktemp("scripted"), module=SCRIPTED) as server:
        yield server


@pytest.fixture(scope="session")
def scripted(scripted_server: Served) -> str:
    return scripted_server.address


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[str]:
    """A server of its own, with its home and its log in `folder`."""
    with served(folder, *options) as server:
        yield server.here


@pytest.fixture
def new_person(chromium: Browser) -> Iterator[NewPerson]:
    """Somebody with a browser of their own. Whatever their pages complain of fails the test."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def new(**how: Any) -> BrowserContext:
        looks = {"locale": "ko-KR", "timezone_id": "Asia/Seoul", "color_scheme": "light"}
        context = chromium.new_context(**{**looks, "viewport": {"width": 1280, "height": 900}, **how})
        context.set_default_timeout(PATIENCE)
        context.on("console", lambda said: faults.append(said.text) if _is_fault(said) else None)
        context.on("weberror", lambda fault: faults.append(str(fault.error)))
        contexts.append(context)
        return context

    yield new
    for context in contexts:
        context.close()
    assert not faults, "\n".join(faults)


def _is_fault(said: ConsoleMessage) -> bool:
    """Opened at the address of a page, Streamlit looks for its server below that address first."""
    looked_for_server = "404" in said.text and "/_stcore/" in said.location["url"]
    return said.type in ("error", "warning") and not looked_for_server


@pytest.fixture
def page(new_person: NewPerson) -> Page:
    return new_person().new_page()
