"""A question sent while answers run, in Chromium: it waits in sight, goes out once, and no draft is lost.

Run: python -m pytest tests/browser/test_waiting_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

from playwright.sync_api import Locator, Page

from tests.browser.at_the_page import (
    KO,
    ask,
    box,
    columns,
    ended_text,
    one,
    open_compare,
    pick,
    wait_for_answers,
    wait_until_all_ended,
)
from tests.browser.expecting import expect
from tests.browser.test_streaming_in_chromium import whole

DRAFT = "다음에 물을 것을 미리 적어"


def waiting(page: Page) -> Locator:
    return page.locator('[class*="st-key-compare_waiting_"]')


def asked(page: Page, question: str) -> Locator:
    return page.get_by_test_id("stChatMessage").get_by_text(question, exact=True)


def test_a_question_waits_through_a_refresh_and_in_two_tabs_and_the_draft_stays(
    page: Page, scripted: str
) -> None:
    open_compare(page, scripted)
    pick(page, "demo-koalpaca", "demo-kullm")
    ask(page, "60개")
    expect(columns(page).first.get_by_test_id("stText")).to_contain_text("koalpaca3")
    first = page.url
    box(page).fill("이어서 3개")
    box(page).press("Enter")
    expect(waiting(page)).to_contain_text("이어서 3개")
    box(page).fill(DRAFT)
    expect(columns(page)).to_have_count(2)
    expect(columns(page).first.get_by_test_id("stText")).to_contain_text("koalpaca8")
    expect(page.get_by_text(KO.compare["stop_all"], exact=True)).to_have_count(0)
    other = page.context.new_page()
    other.goto(first)
    expect(waiting(other)).to_contain_text("이어서 3개")
    other.reload()
    expect(waiting(other)).to_contain_text("이어서 3개")
    for tab in (page, other):
        expect(asked(tab, "이어서 3개")).to_have_count(1)
        wait_for_answers(tab, 2)
        expect(waiting(tab)).to_have_count(0)
        expect(asked(tab, "이어서 3개")).to_have_count(1)
        assert ended_text(columns(tab).first) == whole("koalpaca", 3)
    assert page.url == other.url != first
    assert box(page).input_value() == DRAFT, "three drawings of the page later"
    page.goto(first)
    wait_for_answers(page, 2)
    assert ended_text(columns(page).first) == whole("koalpaca", 60), "nothing of it was cut off"


def test_one_is_sent_at_once_and_one_is_taken_back(page: Page, scripted: str) -> None:
    open_compare(page, scripted)
    pick(page, "demo-koalpaca", "demo-kullm")
    ask(page, "300개")
    expect(columns(page).first.get_by_test_id("stText")).to_contain_text("koalpaca3")
    for question in ("지금 2개", "나중에 2개"):
        box(page).fill(question)
        box(page).press("Enter")
        expect(waiting(page).last).to_contain_text(question)
    waiting(page).last.get_by_role("button", name=KO.compare["cancel_waiting"]).click()
    expect(waiting(page)).to_have_count(1)
    unsent = page.locator('[class*="st-key-compare_unsent_"]')
    expect(unsent).to_contain_text("나중에 2개")
    one(page.get_by_role("button", name=KO.compare["send_now"])).click()
    one(asked(page, "지금 2개"))
    wait_until_all_ended(page)
    assert ended_text(columns(page).first) == whole("koalpaca", 2)
    expect(unsent).to_contain_text("나중에 2개")
    unsent.get_by_role("button", name=KO.compare["discard"]).click()
    expect(unsent).to_have_count(0)
