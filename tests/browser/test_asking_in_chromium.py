"""A person opens the dashboard in Chromium, asks four demo models at once, and reads four answers.

Run: python -m pytest tests/browser  (needs Debian's chromium; screenshots go to screenshots/)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import SCREENSHOTS

QUESTION = "대한민국의 수도는 어디인가요?"


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Page]:
    context = chromium.new_context(locale="ko-KR", viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


def ask(page: Page, address: str) -> None:
    page.goto(address)
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(QUESTION)
    box.press("Enter")


def test_four_models_answer_and_a_refresh_finds_the_answers_again(page: Page, address: str) -> None:
    ask(page, address)
    expect(page.get_by_text("스스로 끝냄")).to_have_count(4, timeout=60_000)
    answers = page.get_by_text("서울", exact=False)
    assert answers.count() >= 4
    page.screenshot(path=SCREENSHOTS / "compare.png", full_page=True)
    page.reload()
    expect(page.get_by_text("스스로 끝냄")).to_have_count(4, timeout=20_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("locale", "title"), [("ko-KR", "나란히 묻기"), ("en-GB", "Ask side by side")])
@pytest.mark.parametrize("width", [1280, 420])
def test_the_page_opens_in_both_languages_themes_and_widths(
    chromium: Browser, address: str, scheme: Literal["light", "dark"], locale: str, title: str, width: int
) -> None:
    context = chromium.new_context(
        locale=locale, color_scheme=scheme, viewport={"width": width, "height": 800}
    )
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(address)
    expect(page.get_by_role("heading", name=title)).to_be_visible(timeout=20_000)
    page.screenshot(path=SCREENSHOTS / f"compare-{scheme}-{locale[:2]}-{width}.png")
    context.close()
    assert not faults
