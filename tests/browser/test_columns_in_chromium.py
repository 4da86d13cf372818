"""Answers side by side in Chromium: equal columns whose heads stay in view, swiped on a phone.

Run: python -m pytest tests/browser/test_columns_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

import secrets
from typing import Literal, NamedTuple

import pytest
from playwright.sync_api import Locator, Page

from benchmarks.page_conversation import fill, markdown, question
from dashboard.session.owner import owner_of_browser
from dashboard.texts import read_texts
from tests.browser.at_the_page import MODELS, columns, one, settled
from tests.browser.conftest import SCREENSHOTS, NewPerson
from tests.browser.expecting import eventually, expect
from tests.browser.served import Served
from tests.browser.test_looks_in_chromium import BACKGROUNDS

FIVE = (*MODELS, "demo-koalpaca")
Scheme = Literal["light", "dark"]


class Look(NamedTuple):
    locale: str
    scheme: Scheme
    width: int
    height: int


DESK, WALL = Look("ko-KR", "light", 1440, 900), Look("en-GB", "dark", 1920, 1080)
ORDER = """column => [...column.querySelectorAll('*')].map(
  each => /st-key-(head|figures|text)_/.exec(each.className)?.[1]).filter(Boolean)"""
SCROLL_THROUGH = "text => text.scrollIntoView({block: 'center', behavior: 'instant'})"
PHONES = Look("ko-KR", "light", 390, 844), Look("en-GB", "dark", 390, 844)


def opened(look: Look, new_person: NewPerson, server: Served) -> Page:
    """Five long answers to one question."""
    key = secrets.token_urlsafe(32)
    fill(server.home, owner_of_browser(key), 1, FIVE, markdown(1_500), key[:8])
    viewport = {"width": look.width, "height": look.height}
    person = new_person(locale=look.locale, color_scheme=look.scheme, viewport=viewport)
    person.add_cookies([{"name": "narani_owner", "value": key, "url": server.address}])
    page = person.new_page()
    page.goto(f"{server.address}/?run={key[:8]}-1")
    one(page.get_by_text(question(1), exact=True))
    expect(columns(page)).to_have_count(len(FIVE))
    return settled(page)


def places(seen: Locator) -> list[dict[str, float]]:
    """All at one moment: a page that was opened still scrolls to its end."""
    found: list[dict[str, float]] = seen.evaluate_all(
        "all => all.map(each => each.getBoundingClientRect().toJSON())"
    )
    return found


def part(column: Locator, name: str) -> Locator:
    return column.locator(f'[class*="st-key-{name}_"]').first


def in_view(column: Locator, top: float, look: Look) -> None:
    """Its head stands at `top`, over the answer, and nothing of the answer is seen through it."""
    ground = part(column, "head").locator("..")
    box, whole, text = (places(each)[0] for each in (ground, column, part(column, "text")))
    assert abs(box["y"] - top) < 2, box
    assert text["y"] < box["y"] < text["bottom"]
    assert box["width"] == pytest.approx(whole["width"] - 2, abs=1), "from edge to edge"
    assert ground.evaluate("each => getComputedStyle(each).backgroundColor") == BACKGROUNDS[look.scheme]
    assert ground.evaluate(
        """ground => { const {x, width, bottom} = ground.getBoundingClientRect()
                       return ground.contains(document.elementFromPoint(x + width / 2, bottom - 8)) }"""
    )


@pytest.mark.parametrize("look", [DESK, WALL], ids=["1440", "1920"])
def test_columns_are_equal_and_their_heads_stay_in_view(
    new_person: NewPerson, demo_server: Served, look: Look
) -> None:
    page = opened(look, new_person, demo_server)

    def equal() -> None:
        boxes = places(columns(page))
        assert max(box["width"] for box in boxes) - min(box["width"] for box in boxes) <= 1, boxes
        assert len({box["y"] for box in boxes}) == 1, "no answer is a row of its own"
        assert len({round(box["bottom"]) for box in boxes}) == 1, f"as high as the longest answer: {boxes}"

    eventually(equal)  # some parts of a page that was opened are drawn last
    assert columns(page).first.evaluate(ORDER) == ["head", "figures", "text"]
    bar = places(page.get_by_test_id("stHeader"))[0]["bottom"]
    side_by_side = columns(page).nth(0).or_(columns(page).nth(2))

    def buttons_in_a_row() -> None:
        for column in columns(page).all():
            buttons = places(part(column, "head").locator("button").filter(visible=True))
            assert len(buttons) == 6 and len({box["y"] for box in buttons}) == 1, buttons

    def scrolled_through() -> None:
        part(columns(page).first, "text").evaluate(SCROLL_THROUGH)
        for column in side_by_side.all():
            in_view(column, bar, look)

    eventually(buttons_in_a_row)
    eventually(scrolled_through)  # a page that was opened goes to its end by itself first
    page.screenshot(path=SCREENSHOTS / f"columns-{look.width}.png")
    _how_it_was_asked(page, look)


def _how_it_was_asked(page: Page, look: Look) -> None:
    texts = read_texts(look.locale[:2])
    line = one(page.get_by_test_id("stChatMessage").get_by_text(texts.asked["seed"].format(value=0)))
    opened = one(page.get_by_test_id("stChatMessage").get_by_role("button", name=texts.asked["used"]))
    assert places(line)[0]["x"] >= 0 and places(line)[0]["right"] <= look.width
    opened.click()
    used = one(page.get_by_test_id("stPopoverBody"))
    for label in ("repetition_penalty", "max_new_tokens", "format", "quantization", "reproducible"):
        one(used.get_by_text(texts.compare[label], exact=True))
    box = places(used)[0]
    assert box["x"] >= 0 and box["right"] <= look.width
    page.screenshot(path=SCREENSHOTS / f"asked-{look.width}.png")
    page.keyboard.press("Escape")


@pytest.mark.parametrize("look", PHONES, ids=["ko", "en"])
def test_on_a_phone_columns_are_swiped(new_person: NewPerson, demo_server: Served, look: Look) -> None:
    page = opened(look, new_person, demo_server)
    first, second = places(columns(page))[:2]
    assert first["y"] == second["y"] and first["width"] == second["width"] < look.width
    assert first["right"] < second["x"] < look.width - 20, "the next one peeks in"

    def swiped() -> None:
        if places(columns(page))[0]["x"] == first["x"]:
            columns(page).first.hover()
            page.mouse.wheel(0.6 * look.width, 0)
        assert abs(places(columns(page))[1]["x"] - first["x"]) < 2

    def scrolled_through() -> None:
        second = columns(page).nth(1)
        second.evaluate(SCROLL_THROUGH)
        second.hover()
        page.mouse.wheel(0, 300)
        in_view(second, places(second)[0]["y"] + 1, look)

    eventually(swiped)
    eventually(scrolled_through)
    page.screenshot(path=SCREENSHOTS / f"columns-{look.width}-{look.locale[:2]}.png")
    page.get_by_test_id("stChatMessage").scroll_into_view_if_needed()
    _how_it_was_asked(page, look)
