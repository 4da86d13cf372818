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
from tests.browser.at_the_page import KO, ask, columns, one, open_compare, wait_until_all_ended
from tests.browser.conftest import SCREENSHOTS, NewPerson
from tests.browser.expecting import expect

QUESTION = "대한민국의 수도는 어디인가요?"
WIDE, NARROW = 1280, 480
BACKGROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(14, 17, 19)"}
NAMELESS = re.compile(r"^$|^\w+ icon$")
"""Nothing to read out, or what Streamlit calls a button that shows its icon alone."""
_SIDEBAR_IS_GONE = """() =>
  (document.querySelector('[data-testid="stSidebar"]')?.getBoundingClientRect().right ?? 0) <= 0"""
_CUT_OFF = """() => {
  const inside = document.querySelector('[data-testid="stMainBlockContainer"]')
  return [document.documentElement, inside].map(each => each.scrollWidth - each.clientWidth)
}"""


def shown(page: Page, width: int) -> None:
    """Nothing is still being drawn, and in a narrow window the sidebar has gone."""
    if width == NARROW:
        page.wait_for_function(_SIDEBAR_IS_GONE)
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
            assert page.evaluate(_CUT_OFF) == [0, 0], f"{name} is wider than {width}"
            expect(page.get_by_role("button", name=NAMELESS)).to_have_count(0)
        page.set_viewport_size({"width": WIDE, "height": 900})


def test_columns_are_swiped_and_the_sidebar_gives_way_in_a_narrow_window(page: Page, address: str) -> None:
    ask(open_compare(page, address), QUESTION)
    wait_until_all_ended(page)
    assert len({place["y"] for place in places(page)}) == 1
    page.set_viewport_size({"width": NARROW, "height": 900})
    one(page.get_by_role("button", name="Expand sidebar"))
    shown(page, NARROW)
    narrow = places(page)
    assert len({place["y"] for place in narrow}) == 1
    first, second, *_ = narrow
    assert first["x"] >= 0 and first["x"] + first["width"] < second["x"] < NARROW


def places(page: Page) -> list[dict[str, float]]:
    boxes = [columns(page).nth(at).bounding_box() for at in range(4)]
    return [{name: float(box[name]) for name in ("x", "y", "width")} for box in boxes if box is not None]


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
