"""A person asks four demo models in Chromium, reads four true answers, goes on, and comes back to them.

Run: python -m pytest tests/browser/test_asking_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

import psutil
from playwright.sync_api import Page

from tests.browser.at_the_page import (
    KO,
    ask,
    columns,
    ended_text,
    known_answers,
    loads_so_far,
    one,
    open_compare,
    open_page,
    pressable,
    wait_for_answers,
    wait_until_all_ended,
)
from tests.browser.conftest import NewPerson
from tests.browser.expecting import expect
from tests.browser.served import Served

QUESTION, FOLLOWING = "한글을 만든 임금은 누구인가요?", "그것을 세상에 널리 알린 해는요?"
REFRESHES = 10
MOST_GROWTH = 15 * 2**20
"""Bytes: what ten sessions of Streamlit may take until it lets them go, and far below one loaded model."""


def test_four_models_give_four_true_answers(page: Page, address: str) -> None:
    ask(open_compare(page, address), QUESTION)
    wait_for_answers(page, 4)
    (known, _) = known_answers(QUESTION)
    assert [ended_text(columns(page).nth(at)) for at in range(4)] == [known] * 4


def test_a_second_turn_goes_on_with_each_models_own_answer(page: Page, address: str) -> None:
    ask(open_compare(page, address), QUESTION)
    wait_until_all_ended(page)
    ask(page, FOLLOWING)
    wait_until_all_ended(page)
    expect(columns(page)).to_have_count(4)
    first, second = known_answers(QUESTION)
    assert ended_text(columns(page).nth(2)) == second, "demo-chat is the one that learned to go on"
    for at in range(4):
        pressable(columns(page).nth(at), "more").click()
        one(page.get_by_test_id("stPopoverBody").get_by_text(KO.answer["prompt"])).click()
        sent = page.get_by_test_id("stPopoverBody").get_by_test_id("stCode")
        expect(sent).to_contain_text(first)
        expect(sent).to_contain_text(FOLLOWING)
        page.keyboard.press("Escape")
        expect(sent).to_have_count(0)


def test_refreshing_loads_nothing_and_grows_nothing(page: Page, address: str, demo_server: Served) -> None:
    ask(open_compare(page, address), QUESTION)
    wait_until_all_ended(page)
    run, texts = page.url, columns(page).all_inner_texts()
    loads = loads_so_far(page, address)
    assert len(loads) >= 4
    page.goto(run)
    wait_until_all_ended(page)
    before = psutil.Process(demo_server.process.pid).memory_info().rss
    for _ in range(REFRESHES):
        page.reload()
        wait_until_all_ended(page)
    grown = psutil.Process(demo_server.process.pid).memory_info().rss - before
    expect(columns(page)).to_have_text(texts, use_inner_text=True)
    assert loads_so_far(page, address) == loads
    assert grown < MOST_GROWTH, f"{grown / 2**20:.0f} MiB"


def test_two_people_see_neither_each_others_history_nor_runs(new_person: NewPerson, address: str) -> None:
    mine, other = new_person().new_page(), new_person().new_page()
    ask(open_compare(mine, address), QUESTION)
    wait_until_all_ended(mine)
    run = mine.url
    open_page(mine, address, "history")
    one(mine.get_by_role("main").get_by_text(QUESTION, exact=True))
    one(mine.get_by_role("button", name=KO.history["open"])).click()
    mine.wait_for_url("**open=**")
    entry = mine.url
    mine.reload()
    one(mine.get_by_role("button", name=KO.history["back"]))
    open_page(mine, address, "history")
    one(mine.get_by_role("button", name=KO.history["open"]))
    assert "open=" not in mine.url, "the menu leads to the list"
    for taken in (run, entry):
        other.goto(taken)
        one(other.get_by_text(KO.compare["gone"] if taken == run else KO.history["gone"]))
        assert QUESTION not in other.get_by_role("main").inner_text()
    one(other.get_by_role("button", name=KO.history["back"])).click()
    one(other.get_by_text(KO.history["empty"]))
