"""Thinking in Chromium: told while it goes on, folded above the answer, in both languages, themes and widths.

Run: python -m pytest tests/browser/test_thinking_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

import re

import pytest

from dashboard.texts import read_texts
from tests.browser.at_the_page import ask, box, columns, ended_text, open_compare, settled
from tests.browser.conftest import SCREENSHOTS, NewPerson
from tests.browser.expecting import expect


@pytest.mark.parametrize(
    ("locale", "scheme", "width"), [("ko-KR", "light", 1440), ("en-US", "dark", 390)], ids=str
)
def test_thinking_is_told_while_it_goes_on_and_folded_above_the_answer(
    new_person: NewPerson, scripted: str, locale: str, scheme: str, width: int
) -> None:
    texts = read_texts(locale[:2])
    words = texts.thinking
    page = new_person(locale=locale, color_scheme=scheme, viewport={"width": width, "height": 900}).new_page()
    ask(open_compare(page, scripted), "생각하고 40개")
    column = columns(page).first
    now = re.compile(re.escape(words["now"]).replace(r"\{seconds:\.0f\}", r"\d+"))
    expect(column.get_by_text(now)).to_be_visible()
    expect(column).not_to_contain_text("음3")
    expect(box(page)).to_have_attribute("placeholder", texts.compare["question_on"], timeout=30_000)
    settled(page)
    assert ended_text(column) == "답은 서울"
    thought = " ".join(f"음{number}" for number in range(1, 41))
    fold = column.get_by_text(words["thought"].format(count=len(thought)), exact=True)
    expect(column).not_to_contain_text("음3")
    fold.click()
    expect(column.get_by_text(thought)).to_be_visible()
    assert column.evaluate("it => it.scrollWidth <= it.clientWidth")
    page.screenshot(path=SCREENSHOTS / f"thinking-{locale}-{width}.png", full_page=True)
    if width > 600:  # on a phone the side bar is folded
        page.get_by_text(texts.compare["settings"], exact=True).click()
        expect(page.get_by_role("radio", name=words["switch_on"], exact=True)).to_be_disabled()
