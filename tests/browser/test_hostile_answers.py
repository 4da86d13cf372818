"""Hostile text in every place of the page: in Chromium nothing runs, nothing is fetched, every word is shown.

Run: python -m pytest tests/browser/test_hostile_answers.py  (needs Debian's chromium)
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import pytest
from playwright.sync_api import Browser, Dialog, Page, ViewportSize

from comparison.difference import word_differences
from tests.browser.attacker import Attacker, attacker
from tests.browser.conftest import ROOT, SCREENSHOTS, _free_port, _wait_for
from tests.browser.expecting import expect
from tests.dashboard.drawn_markdown import safe_markdown
from tests.dashboard.hostile_answers import HOSTILE, hostile
from tests.dashboard.test_safe_markdown import without_spaces, words_shown

PLACES = {"answer": 1, "difference": 1, "elsewhere": 3, "cited": 3}
"""And how often each text stands there: elsewhere is a question, a title and a label; cited an address, and
a passage in its source and behind its citation."""
FORBIDDEN = (
    "a, img, svg.mermaid, iframe, object, embed, video, audio, script, link, meta, form, base, math, .katex"
)
_FORBIDDEN_ROLES = "[role=img]:not(.nr-sign), [data-testid=stMermaidChart]"
_SYMBOLS = str.maketrans("", "", "␣↵⇥")


@dataclass
class Seen:
    """What happened in the browser that should not have."""

    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def listening() -> Iterator[Attacker]:
    with attacker() as started:
        yield started


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("hostile"), _free_port()
    command = [sys.executable, "-m", "streamlit", "run", "tests/browser/hostile_page.py"]
    options = ["--server.headless", "true", "--server.port", str(port), "--server.fileWatcherType", "none"]
    environment = {**os.environ, "NARANI_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*command, *options], cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def opened(
    chromium: Browser,
    address: str,
    place: str,
    port: int,
    locale: str = "ko-KR",
    scheme: Literal["light", "dark"] = "light",
    width: int = 1280,
) -> tuple[Page, Seen]:
    view: ViewportSize = {"width": width, "height": 900}
    page = chromium.new_context(locale=locale, color_scheme=scheme, viewport=view).new_page()
    seen = Seen()

    def refuse(dialog: Dialog) -> None:
        seen.dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("console", lambda said: seen.errors.append(said.text) if said.type == "error" else None)
    page.context.on(
        "request",
        lambda asked: (
            None if asked.url.startswith((address, "data:", "blob:")) else seen.elsewhere.append(asked.url)
        ),
    )
    page.goto(f"{address}/?place={place}&port={port}")
    expect(page.get_by_text("drawn", exact=True)).to_be_visible()
    page.wait_for_load_state("networkidle")
    return page, seen


def expected(place: str, number: int, texts: list[str]) -> str:
    text = texts[number]
    if place == "answer":
        return words_shown(safe_markdown(text))
    if place == "difference":
        return without_spaces("".join(piece.text for piece in word_differences(texts[number - 1], text)))
    return without_spaces(text)


@pytest.mark.parametrize("place", PLACES)
def test_a_hostile_text_is_only_read(
    chromium: Browser, hostile_page: str, listening: Attacker, place: str
) -> None:
    listening.asked.clear()
    page, seen = opened(chromium, hostile_page, place, listening.port)
    texts = [hostile(payload, listening.port) for payload in HOSTILE]
    wrong = []
    for number in range(len(texts)):
        box = page.locator(f".st-key-hostile_{number}")
        shown = without_spaces(box.text_content() or "").translate(_SYMBOLS)
        if shown.count(expected(place, number, texts).translate(_SYMBOLS)) < PLACES[place]:
            wrong.append((number, shown, expected(place, number, texts)))
    drawn = page.locator("[data-testid=stMarkdownContainer], [data-testid=stHtml]")
    assert drawn.locator(f"{FORBIDDEN}, {_FORBIDDEN_ROLES}").count() == 0
    page.screenshot(path=SCREENSHOTS / f"hostile-{place}.png", full_page=True)
    page.context.close()
    assert not wrong
    assert seen == Seen()
    assert listening.asked == []


def test_a_friendly_answer_keeps_its_looks(chromium: Browser, hostile_page: str) -> None:
    page, seen = opened(chromium, hostile_page, "friendly", 9)
    for tag, texts in {
        "h5": ["요약"],
        "strong": ['"서울"', "(주)나란히", "나", '"사"'],
        "em": ["큰"],
        "del": ["마을"],
        "p code, td code": [":", "material/home:", "a:smile:", "a|b"],
        "ul ul li": ["나다"],
        "ol li": ["다"],
        "blockquote": ["라"],
        "td:last-child": ['"사"와'],
        "pre": ['icon = ":material/home:"'],
    }.items():
        assert [text.strip() for text in page.locator(tag).all_text_contents()] == texts
    shown = page.locator("p", has=page.locator("em")).inner_text()
    page.context.close()
    assert shown.endswith(
        ":material_home: :streamlit:\n둘째 줄 -> 12:30:45 -- a@b.kr https://naver.com입니다 :100:"
    )
    assert seen == Seen()


@pytest.mark.parametrize(
    ("language", "scheme", "width"), [("ko-KR", "light", 1440), ("en-US", "dark", 390)], ids=str
)
def test_formulas_and_code_are_drawn(
    chromium: Browser, hostile_page: str, language: str, scheme: Literal["light", "dark"], width: int
) -> None:
    page, seen = opened(chromium, hostile_page, "formulas", 9, language, scheme, width)
    expect(page.locator(".katex").first).to_be_visible()
    written = page.locator("annotation").all_text_contents()
    assert written[:5] == ["F(n)", "x^2", "y_1", "E=mc^2", written[4]]
    assert written[5:] == [r"S = \pi r^2", r"\frac{거리}{시간}", r"\text{속도}"]
    assert page.locator(".katex-error").count() == 0
    assert page.locator("p code").all_text_contents() == [r"$\href{https://a.kr}{z}$"]
    shown = page.locator("p", has_text="피보나치").inner_text()
    assert "은 $5에서 $10, US$5, $HOME/$USER와" in shown
    code_blocks = page.locator("[data-testid=stCode]")
    for code in code_blocks.all():
        assert code.locator(".token").count(), code.text_content()
    assert page.get_by_label("Copy to clipboard").count() == 6
    room = page.locator("[data-testid=stMain]")
    assert room.evaluate("it => it.scrollWidth <= it.clientWidth"), "a wide formula scrolls in its own place"
    page.screenshot(path=SCREENSHOTS / f"formulas-{language}-{width}.png", full_page=True)
    page.context.close()
    assert seen == Seen()


def test_the_attacker_would_have_been_asked(
    chromium: Browser, hostile_page: str, listening: Attacker
) -> None:
    """The same texts through st.markdown as they are: without our components the trap does spring."""
    listening.asked.clear()
    page, seen = opened(chromium, hostile_page, "unguarded", listening.port)
    page.context.close()
    assert {"/image.png", "/table.png"} <= {*listening.asked}
    assert seen.elsewhere
