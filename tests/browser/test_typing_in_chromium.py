"""Hangul through an input method, and the whole way by keyboard alone, in Chromium.

Run: python -m pytest tests/browser/test_typing_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

import pytest
from playwright.sync_api import CDPSession, Page

from tests.browser.at_the_page import (
    KO,
    box,
    close_list,
    columns,
    one,
    open_compare,
    settled,
    wait_until_all_ended,
)
from tests.browser.conftest import NewPerson
from tests.browser.expecting import expect

QUESTION = "한글"
STEPS = (("ㅎ", "하", "한"), ("ㄱ", "그", "글"))
MOST_TABS = 60
_WATCH = "addEventListener('keydown', e => (window.seen ??= []).push([e.keyCode, e.isComposing]), true)"
_ACTIVE = "document.activeElement.closest('[class*=\"st-key-{key}\"]') !== null"


def key(session: CDPSession, name: str, code: int, modifiers: int = 0, text: str = "") -> None:
    pressed = {"key": name, "code": "Enter", "windowsVirtualKeyCode": code, "modifiers": modifiers}
    session.send(
        "Input.dispatchKeyEvent", {"type": "keyDown" if text else "rawKeyDown", "text": text, **pressed}
    )
    session.send("Input.dispatchKeyEvent", {"type": "keyUp", **pressed})


def compose(session: CDPSession, steps: tuple[str, ...]) -> None:
    """One syllable grows in the input method; nothing is decided yet."""
    for text in steps:
        session.send("Input.imeSetComposition", {"text": text, "selectionStart": 1, "selectionEnd": 1})


@pytest.mark.parametrize("name", ["Enter", "Process"])
def test_enter_that_ends_a_syllable_sends_nothing_and_loses_nothing(
    page: Page, scripted: str, name: str
) -> None:
    """Browsers call that key Enter or Process; its code is 229, and it says that one is composing."""
    open_compare(page, scripted)
    box(page).click()
    session = page.context.new_cdp_session(page)
    page.evaluate(_WATCH)
    compose(session, STEPS[0])
    session.send("Input.insertText", {"text": "한"})
    compose(session, STEPS[1])
    key(session, name, 229)
    assert page.evaluate("window.seen.at(-1)") == [229, True], "else the test proves nothing"
    expect(box(page)).to_have_value(QUESTION)
    session.send("Input.insertText", {"text": "글"})
    expect(box(page)).to_have_value(QUESTION)
    assert "run=" not in page.url
    key(session, "Enter", 13, modifiers=8, text="\r")
    compose(session, STEPS[0])
    session.send("Input.insertText", {"text": "한"})
    expect(box(page)).to_have_value("한글\n한")
    key(session, "Enter", 13, text="\r")
    page.wait_for_url("**run=**")
    asked = page.get_by_test_id("stChatMessage").get_by_test_id("stText")
    expect(asked).to_have_count(1)
    assert asked.inner_text() == "한글\n한"
    expect(box(page)).to_have_value("")


def tab_to(page: Page, key: str) -> int:
    """Tab until the focus stands on what has this key; how often that was."""
    for tabs in range(MOST_TABS):
        if page.evaluate(_ACTIVE.format(key=key)):
            return tabs
        page.keyboard.press("Tab")
    raise AssertionError(f"{key} is not reached by Tab")


def test_twelve_tabs_lead_from_the_start_of_a_page_to_its_question(
    new_person: NewPerson, scripted: str
) -> None:
    """By the link that skips what stands beside it; without it, past a list that is closed."""
    page = open_compare(new_person().new_page(), scripted)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert tab_to(page, "compare_question") <= 12
    page.reload()
    one(box(page))
    assert tab_to(settled(page), "compare_question") <= 26


def test_the_keyboard_is_enough(new_person: NewPerson, scripted: str) -> None:
    """Take a model away with Space, ask, stop one answer, and go on; the mouse is never used."""
    page = open_compare(new_person().new_page(), scripted)
    tab_to(page, "compare_list")
    page.keyboard.press("Enter")
    tab_to(page, "compare_pick_demo-korwkv")
    page.keyboard.press("Space")
    tick = page.locator(".st-key-compare_pick_demo-korwkv").get_by_role("checkbox")
    expect(tick).not_to_be_checked()
    close_list(page)
    tab_to(page, "compare_question")
    page.keyboard.type("90개")
    page.keyboard.press("Enter")
    page.wait_for_url("**run=**")
    expect(columns(page)).to_have_count(3)
    run = page.url.rsplit("run=", 1)[1]
    expect(columns(page).nth(1).get_by_test_id("stText")).to_contain_text("kullm2")
    tab_to(page, f"answer_{run}_1_stop")
    page.keyboard.press("Enter")
    one(columns(page).nth(1).get_by_text(KO.reasons["stopped"]))
    tab_to(page, "compare_stop_all")
    page.keyboard.press("Space")
    wait_until_all_ended(page)
    expect(columns(page).get_by_text(KO.reasons["stopped"])).to_have_count(3)
