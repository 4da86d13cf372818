"""A conversation of long answers in Chromium: what comes at a refresh, and what is opened with the keyboard.

Run: python -m pytest tests/browser/test_long_pages_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

import secrets

from playwright.sync_api import Page, WebSocket

from benchmarks.page_conversation import fill, markdown, question
from dashboard.session.owner import owner_of_browser
from tests.browser.at_the_page import KO, MODELS, columns, one, settled
from tests.browser.conftest import SCREENSHOTS, NewPerson
from tests.browser.expecting import expect
from tests.browser.served import Served

TURNS, CHARACTERS = 5, 15_000
MOST_NODES, MOST_BYTES = 12_000, 400_000
"""Unfolded they are 156,000 nodes for two turns, and 900,000 bytes of text for three."""


def test_five_turns_of_eight_long_answers_come_folded_and_open_on_demand(
    new_person: NewPerson, address: str, demo_server: Served
) -> None:
    key = secrets.token_urlsafe(32)
    fill(demo_server.home, owner_of_browser(key), TURNS, MODELS * 2, markdown(CHARACTERS), key[:8])
    person = new_person()
    person.add_cookies([{"name": "narani_owner", "value": key, "url": address}])
    page = person.new_page()
    came: list[int] = []
    page.on("websocket", lambda socket: _count(socket, came))
    page.goto(f"{address}/?run={key[:8]}-{TURNS}")
    _all_stand_there(page)
    came.clear()
    page.reload()
    _all_stand_there(page)
    nodes = page.evaluate("document.querySelectorAll('*').length")
    assert nodes < MOST_NODES and sum(came) < MOST_BYTES, (nodes, sum(came))
    page.screenshot(path=SCREENSHOTS / "long-pages.png", full_page=True)
    _opened_with_the_keyboard(page)
    _an_earlier_turn(page)


def _count(socket: WebSocket, came: list[int]) -> None:
    socket.on("framereceived", lambda payload: came.append(len(payload)))


def _whole(page: Page) -> str:
    return KO.answer_text["whole"].format(count=CHARACTERS)


def _all_stand_there(page: Page) -> None:
    expect(page.get_by_role("button", name=_whole(page))).to_have_count(8)
    one(page.get_by_text(question(TURNS), exact=True))
    settled(page)


def _opened_with_the_keyboard(page: Page) -> None:
    column = columns(page).nth(2)
    last = column.get_by_text("370째 부분")
    expect(last).to_have_count(0)
    column.get_by_role("button", name=_whole(page)).focus()
    page.keyboard.press("Enter")
    fold = one(column.get_by_role("button", name=KO.answer_text["fold"]))
    settled(page)
    assert len(column.inner_text()) > 0.7 * CHARACTERS
    expect(page.get_by_role("button", name=_whole(page))).to_have_count(7)
    expect(fold).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=_whole(page))).to_have_count(8)
    settled(page)


def _an_earlier_turn(page: Page) -> None:
    earlier = page.get_by_test_id("stExpander").filter(has_text=question(TURNS - 1))
    earlier.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=_whole(page))).to_have_count(16)
    settled(page)
