"""How the pages look in Chromium: every page in two languages, themes and widths, with nothing cut off.

Run: python -m pytest tests/browser/test_looks_in_chromium.py  (needs chromium; pictures go to screenshots/)
"""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.sync_api import Page

from dashboard.menu import PAGES
from dashboard.texts import read_texts
from tests.browser.at_the_page import (
    KO,
    ask,
    columns,
    nothing_is_cut_off,
    one,
    open_compare,
    sidebar_gives_way,
    wait_until_all_ended,
)
from tests.browser.conftest import SCREENSHOTS, NewPerson
from tests.browser.expecting import eventually, expect

QUESTION = "대한민국의 수도는 어디인가요?"
WIDE, NARROW = 1280, 480
BACKGROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(14, 17, 19)"}
NAMELESS = re.compile(r"^$|^\w+ icon$")
"""Nothing to read out, or what Streamlit calls a button that shows its icon alone."""


def shown(page: Page, width: int) -> None:
    """Nothing is still being drawn, and in a narrow window the sidebar has gone."""
    if width == NARROW:
        sidebar_gives_way(page)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    expect(page.get_by_test_id("stSpinner")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["ko-KR", "en-GB"])
def test_every_page_fits_in_both_widths(
    new_person: NewPerson, address: str, scheme: Literal["light", "dark"], locale: str
) -> None:
    page = new_person(locale=locale, color_scheme=scheme, viewport={"width": WIDE, "height": 900}).new_page()
    texts = read_texts(locale[:2])
    ask(open_compare(page, address), QUESTION)
    expect(columns(page).get_by_text(texts.reasons["eos"])).to_have_count(4, timeout=120_000)
    run = page.url
    for name in PAGES:
        page.goto(run if name == "compare" else f"{address}/{name}")
        for width in (WIDE, NARROW):
            page.set_viewport_size({"width": width, "height": 900})
            shown(page, width)
            expect(
                page.get_by_role("main").get_by_text(texts.pages[name]).or_(columns(page)).first
            ).to_be_visible()
            expect(page.locator(".stApp")).to_have_css("background-color", BACKGROUNDS[scheme])
            wrapped = page.get_by_role("main").locator("p").filter(visible=True).first
            expect(wrapped).to_have_css("word-break", "keep-all")
            page.screenshot(path=SCREENSHOTS / f"{name}-{scheme}-{locale[:2]}-{width}.png")
            nothing_is_cut_off(page, f"{name} at {width}")
            expect(page.get_by_role("button", name=NAMELESS)).to_have_count(0)
        page.set_viewport_size({"width": WIDE, "height": 900})


def test_columns_are_swiped_and_the_sidebar_gives_way_in_a_narrow_window(page: Page, address: str) -> None:
    ask(open_compare(page, address), QUESTION)
    wait_until_all_ended(page)
    assert len({place["y"] for place in places(page)}) == 1
    page.set_viewport_size({"width": NARROW, "height": 900})
    one(page.get_by_role("button", name="Expand sidebar"))
    shown(page, NARROW)
    eventually(lambda: next_one_peeks_in(page))


def next_one_peeks_in(page: Page) -> None:
    first, second, *others = places(page)
    assert {place["y"] for place in (second, *others)} == {first["y"]}
    assert first["x"] >= 0 and first["x"] + first["width"] < second["x"] < NARROW


def places(page: Page) -> list[dict[str, float]]:
    found: list[dict[str, float]] = columns(page).evaluate_all(
        "all => all.map(each => each.getBoundingClientRect().toJSON())"
    )
    assert len(found) == 4
    return found


def test_the_browser_decides_the_language_until_one_is_chosen(new_person: NewPerson, address: str) -> None:
    english, korean = read_texts("en"), KO
    page = open_compare(new_person(locale="en-GB").new_page(), address)
    one(page.get_by_text(english.compare["empty_title"]))
    page.get_by_test_id("stSidebarNav").get_by_text(english.pages["settings"], exact=True).click()
    one(page.get_by_text(english.settings["language_ko"], exact=True)).click()
    one(page.get_by_role("heading", level=1, name=korean.settings["title"]))
    page.get_by_test_id("stSidebarNav").get_by_text(korean.pages["compare"], exact=True).click()
    one(page.get_by_text(korean.compare["empty_title"]))
    page.reload()
    one(page.get_by_text(korean.compare["empty_title"]))
    begun = page.context.new_page()
    one(open_compare(begun, address).get_by_text(korean.compare["empty_title"]))
