"""An answer asked again in Chromium: its attempts as tabs, how they differ, and all going on from one.

Run: python -m pytest tests/browser/test_attempts_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

import re
from functools import partial

import pytest
from playwright.sync_api import Locator, Page

from dashboard.texts import Texts, read_texts
from tests.browser.at_the_page import ask, box, columns, one, pressable, settled
from tests.browser.conftest import SCREENSHOTS, NewPerson
from tests.browser.expecting import eventually, expect

FIRST = "Demo: KoAlpaca format (toy)"
LOOKS = [("ko", "light", (1440, 390)), ("en", "dark", (390, 1440))]
"""Each language in one of the themes, seen through at one width and looked at in the other."""


@pytest.mark.parametrize(("language", "scheme", "widths"), LOOKS)
def test_attempts_are_tabs_that_differ_and_one_becomes_everybodys(
    new_person: NewPerson, scripted: str, language: str, scheme: str, widths: tuple[int, int]
) -> None:
    texts = read_texts(language)
    size = {"width": widths[0], "height": 1000}
    page = new_person(locale=f"{language}-KR", color_scheme=scheme, viewport=size).new_page()
    page.goto(scripted)
    one(box(page))
    ask(page, "매번 다르게")
    all_ended(page, texts)
    column = columns(page).first
    parts = ask_again_and_compare(page, column, texts)
    pressable(column, "more").click()
    one(page.get_by_role("button", name=texts.answer["go_on_from"])).click()
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)
    picked = page.locator(".st-key-compare_picked")
    expect(picked).to_contain_text(f"({texts.attempts['attempt'].format(attempt=1)})")
    one(picked.get_by_role("button", name=texts.compare["picked_undo"]))
    for width in widths[::-1]:
        page.set_viewport_size({"width": width, "height": 1000})
        settled(page)
        for part in parts:
            eventually(partial(assert_within, part, column))
        eventually(partial(assert_within, picked, page.locator("body")))
        page.screenshot(path=SCREENSHOTS / f"attempts_{language}_{scheme}_{width}.png")
    ask(page, "그래서 3개")
    all_ended(page, texts)
    expect(picked).to_have_count(0)
    took_over = texts.answer["took_over"].format(titles=FIRST, count=1)
    expect(columns(page).get_by_text(took_over)).to_have_count(3)


def ask_again_and_compare(page: Page, column: Locator, texts: Texts) -> list[Locator]:
    """The newest is shown; the one before it is chosen by keys and held against the newest."""
    first = said(column)
    pressable(column, "again").click()
    tabs = column.get_by_role("radiogroup", name=texts.attempts["tabs"].format(title=FIRST))
    newest = tab(tabs, texts, 2)
    expect(newest).to_be_checked()
    all_ended(page, texts)
    second = said(column)
    assert first != second
    newest.press("ArrowLeft")
    page.keyboard.press("Space")
    expect(tab(tabs, texts, 1)).to_be_checked()
    expect(column).to_contain_text(first)
    differs = column.get_by_role("radiogroup", name=texts.attempts["difference"].format(title=FIRST))
    differs.get_by_role("radio", name=texts.attempts["against"].format(attempt=2)).click()
    expect(column.locator("del").last).to_have_text(second)
    expect(column).to_contain_text(texts.attempts["baseline"].format(attempt=2))
    return [tabs, differs]


def said(column: Locator) -> str:
    found = re.search(r"\d+번으로", column.inner_text())
    assert found is not None
    return found[0]


def tab(tabs: Locator, texts: Texts, attempt: int) -> Locator:
    return tabs.get_by_role("radio", name=texts.attempts["attempt"].format(attempt=attempt), exact=True)


def all_ended(page: Page, texts: Texts) -> None:
    settled(page)
    expect(columns(page).get_by_text(texts.reasons["eos"])).to_have_count(4)
    settled(page)


def assert_within(part: Locator, place: Locator) -> None:
    inner, outer = one(part).bounding_box(), place.bounding_box()
    assert inner is not None and outer is not None
    assert inner["x"] >= outer["x"] - 0.5
    assert inner["x"] + inner["width"] <= outer["x"] + outer["width"] + 0.5
