"""What goes wrong with a question or an answer is said in its column, in words, and nothing is lost.

Run: python -m pytest tests/browser/test_faults_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.at_the_page import (
    FIRST_ANSWER,
    KO,
    all_good,
    ask,
    begin_anew,
    box,
    columns,
    ended_text,
    one,
    open_compare,
    open_page,
    pick,
    wait_until_all_ended,
)
from tests.browser.expecting import expect
from tests.browser.scripted_server import ENDLESS, NEWLINES

LONG = "가나다라마바사아자차 " * 9_091


def test_a_question_of_100_000_characters_is_refused_in_words_and_kept(page: Page, address: str) -> None:
    assert len(LONG) >= 100_000
    open_compare(page, address)
    pick(page, "demo-koalpaca", "demo-chat")
    box(page).fill(LONG)
    box(page).press("Enter")
    page.wait_for_url("**run=**")
    wait_until_all_ended(page)
    expect(columns(page).get_by_role("alert")).to_have_count(2, timeout=FIRST_ANSWER)
    for at in range(2):
        expect(columns(page).nth(at).get_by_role("alert")).to_contain_text(
            "512토큰까지 담습니다. 질문이나 입력 글을"
        )
    asked = page.get_by_test_id("stChatMessage").get_by_test_id("stText")
    assert asked.inner_text().strip() == LONG.strip()
    all_good(page)
    open_page(page, address, "history")
    line = page.locator('[class*="st-key-history_run_"]').get_by_test_id("stText")
    expect(line).to_contain_text(LONG[:20])


def test_an_answer_without_end_and_one_of_newlines_are_said_in_words(page: Page, scripted: str) -> None:
    open_compare(page, scripted)
    pick(page, "demo-chat")
    ask(page, f"{NEWLINES} 8개")
    wait_until_all_ended(page)
    one(columns(page).get_by_text(KO.answer_text["blank"]))
    begin_anew(page)
    one(page.get_by_test_id("stExpander").get_by_text(KO.compare["settings"], exact=True)).click()
    longest = page.get_by_role("spinbutton", name=KO.compare["max_new_tokens"])
    longest.fill("12")
    longest.press("Enter")
    ask(page, ENDLESS)
    wait_until_all_ended(page)
    one(columns(page).get_by_text(KO.reasons["length"]))
    assert ended_text(columns(page).first) == " ".join(["또"] * 12)
