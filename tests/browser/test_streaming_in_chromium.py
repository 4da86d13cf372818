"""Answers that still grow in Chromium: refreshed, in two tabs, one of them stopped, and clicked at in haste.

Run: python -m pytest tests/browser/test_streaming_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

from playwright.sync_api import Locator, Page

from tests.browser.at_the_page import (
    KO,
    all_good,
    ask,
    begin_anew,
    columns,
    ended_text,
    growing,
    loads_so_far,
    one,
    open_compare,
    pressable,
    wait_for_answers,
    wait_until_all_ended,
)
from tests.browser.expecting import expect

ROUNDS = 10


def whole(model: str, count: int) -> str:
    """What the scripted engine says to '`count`개'."""
    return " ".join(f"{model}{number}" for number in range(1, count + 1))


def seen_up_to(column: Locator, word: str) -> str:
    expect(column.get_by_test_id("stText")).to_contain_text(f"{word} ")
    return growing(column)


def test_a_refresh_midway_and_a_second_tab_see_the_same_answer_go_on(page: Page, scripted: str) -> None:
    ask(open_compare(page, scripted), "60개")
    before = seen_up_to(columns(page).first, "koalpaca5")
    page.reload()
    again = seen_up_to(columns(page).first, "koalpaca10")
    other = page.context.new_page()
    other.goto(page.url)
    there = seen_up_to(columns(other).first, "koalpaca15")
    assert again.startswith(before) and there.startswith(again)
    for tab in (page, other):
        wait_for_answers(tab, 4)
        assert ended_text(columns(tab).first) == whole("koalpaca", 60)
        assert ended_text(columns(tab).last) == whole("korwkv", 60)
    loads = loads_so_far(other, scripted)
    assert len(set(loads)) == len(loads) >= 4, "no model is loaded twice"


def test_one_column_stops_and_the_others_go_on(page: Page, scripted: str) -> None:
    ask(open_compare(page, scripted), "20개")
    seen_up_to(columns(page).nth(1), "kullm3")
    pressable(columns(page).nth(1), "stop").click()
    one(columns(page).nth(1).get_by_text(KO.reasons["stopped"]))
    wait_for_answers(page, 3)
    stopped = ended_text(columns(page).nth(1))
    assert whole("kullm", 20).startswith(stopped) and stopped != whole("kullm", 20)
    assert ended_text(columns(page).nth(0)) == whole("koalpaca", 20)
    assert ended_text(columns(page).nth(3)) == whole("korwkv", 20)


def test_two_tabs_that_ask_again_at_once_ask_once(page: Page, scripted: str) -> None:
    ask(open_compare(page, scripted), "25개")
    wait_until_all_ended(page)
    other = page.context.new_page()
    other.goto(page.url)
    wait_until_all_ended(other)
    for tab in (page, other):
        pressable(columns(tab).first, "again").click()
    for tab in (page, other):
        one(columns(tab).get_by_text(KO.attempts["attempt"].format(attempt=2), exact=True))
        wait_until_all_ended(tab)
        assert ended_text(columns(tab).first) == whole("koalpaca", 25)
        assert columns(tab).get_by_text(KO.attempts["attempt"].format(attempt=3), exact=True).count() == 0


def test_no_page_goes_white(page: Page, scripted: str) -> None:
    """Ask, stop, ask again, compare with a baseline, begin anew, as fast as one can click."""
    open_compare(page, scripted)
    for turn in range(ROUNDS):
        ask(page, f"{turn}째 물음, 90개")
        column = columns(page).nth(turn % 4)
        pressable(column, "stop").click()
        pressable(column, "again").click()
        one(page.get_by_text(KO.compare["stop_all"], exact=True)).click()
        pressable(column, "baseline").click()
        one(column.get_by_text(KO.answer["baseline"], exact=True))
        if turn % 2:
            begin_anew(page)
        else:
            wait_until_all_ended(page)
        all_good(page)
