"""Answers marked in Chromium by mouse and keyboard, with names and without; a heat map's cell that opens its
question.

Run: python -m pytest tests/browser/test_marks_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

from functools import partial

import pytest
from playwright.sync_api import Locator, Page

from dashboard.texts import Texts, read_texts
from tests.browser.at_the_page import ask, box, columns, one, settled
from tests.browser.conftest import SCREENSHOTS, NewPerson
from tests.browser.expecting import eventually, expect

LOOKS = [("ko", "light", (1440, 390)), ("en", "dark", (390, 1440))]
"""Each language in one of the themes, seen through at one width and looked at in the other."""
FIRST = "Demo: KoAlpaca format (toy)"
NOTE = "근거가 있고 짧다 **굵게** <b>"


@pytest.fixture
def texts(language: str) -> Texts:
    return read_texts(language)


@pytest.fixture
def looked_at(new_person: NewPerson, language: str, scheme: str, widths: tuple[int, int]) -> Page:
    size = {"width": widths[0], "height": 1000}
    return new_person(locale=f"{language}-KR", color_scheme=scheme, viewport=size).new_page()


@pytest.mark.parametrize(("language", "scheme", "widths"), LOOKS)
def test_answers_are_marked_by_keys_and_mouse_and_without_names_the_right_ones(
    looked_at: Page, scripted: str, texts: Texts, language: str, scheme: str, widths: tuple[int, int]
) -> None:
    page, words = looked_at, texts.answer
    page.goto(scripted)
    one(box(page))
    ask(page, "셋까지 2개")
    expect(page.get_by_role("button", name=texts.compare["stop_all"], exact=True)).to_have_count(0)
    settled(page)
    first = columns(page).first
    mark(first, f"{words['make_good']} · {FIRST}").press("Enter")
    expect(badge(first, words["good"])).to_be_visible()
    mark(first, f"{words['make_better']} · {FIRST}").click()
    expect(badge(first, words["better"])).to_be_visible()
    write_note(page, first, texts)
    switch = one(page.get_by_role("switch", name=words["hide_names"]))
    titles = [column.locator("strong").first.inner_text() for column in columns(page).all()]
    switch.press("Space")
    expect(columns(page).first.locator("strong").first).to_have_text("A")
    settled(page)
    assert not [title for title in titles if title in told(page)], "neither read, nor read out"
    behind = columns(page).filter(has_text=words["better"])
    expect(behind).to_contain_text("koalpaca1")
    mark(columns(page).filter(has_text="korwkv1"), words["make_bad"]).press("Enter")
    expect(badge(columns(page).filter(has_text="korwkv1"), words["bad"])).to_be_visible()
    for width in widths[::-1]:
        page.set_viewport_size({"width": width, "height": 1000})
        settled(page)
        eventually(partial(assert_buttons_within, page))
        page.screenshot(path=SCREENSHOTS / f"marks_{language}_{scheme}_{width}.png")
    switch.press("Space")
    expect(columns(page).first.locator("strong").first).to_have_text(titles[0])
    settled(page)
    expect(badge(columns(page).filter(has_text="korwkv1"), words["bad"])).to_be_visible()
    assert [column.locator("strong").first.inner_text() for column in columns(page).all()] == titles
    page.screenshot(path=SCREENSHOTS / f"marks_named_{language}_{scheme}.png")


def mark(column: Locator, name: str) -> Locator:
    """One of a column's buttons, by what is read out of it."""
    return one(column.get_by_role("button", name=name))


def badge(column: Locator, word: str) -> Locator:
    return column.locator(".stMarkdownBadge").filter(has_text=word)


def write_note(page: Page, column: Locator, texts: Texts) -> None:
    """By keys alone."""
    words = texts.answer
    mark(column, f"{words['more']} · {FIRST}").press("Enter")
    one(page.get_by_test_id("stPopoverBody").locator("summary", has_text=words["make_note"])).press("Enter")
    note = one(page.get_by_role("textbox", name=f"{words['note']} · {FIRST}"))
    note.fill(NOTE)
    note.press("Tab")
    one(page.get_by_role("button", name=words["save_note"], exact=True)).press("Enter")
    expect(column.get_by_text(NOTE)).to_be_visible()
    page.keyboard.press("Escape")
    settled(page)


def told(page: Page) -> str:
    """What stands in the turn, and what is read out of it."""
    turn = page.locator('[class*="st-key-answers_"]').last
    html = "[...e.querySelectorAll('*')].map(n => ['aria-label', 'title', 'alt'].map(a => n.getAttribute(a)))"
    attributes = turn.evaluate(f"e => {html}.flat().join(' ')")
    return f"{turn.inner_text()} {attributes}"


def assert_buttons_within(page: Page) -> None:
    """A page takes a while to follow its window."""
    for column in columns(page).all():
        for button in column.locator('[class*="st-key-head_"] button').filter(visible=True).all():
            assert_within(button, column)


def assert_within(part: Locator, whole: Locator) -> None:
    inner, outer = part.bounding_box(), whole.bounding_box()
    assert inner is not None and outer is not None
    assert inner["x"] >= outer["x"] - 1
    assert inner["x"] + inner["width"] <= outer["x"] + outer["width"] + 1


@pytest.mark.parametrize(("language", "scheme", "widths"), LOOKS)
def test_a_cell_of_the_heat_map_opens_its_question_and_so_does_its_number(
    looked_at: Page, scripted: str, texts: Texts, language: str, scheme: str, widths: tuple[int, int]
) -> None:
    page, words = looked_at, texts.batch
    page.goto(f"{scripted}/batch")
    one(page.get_by_test_id("stButtonGroup").get_by_text(words["source_lines"])).click()
    lines = page.get_by_label(words["lines"])
    lines.fill("첫 물음 1개\n둘째 물음 2개")
    lines.press("Control+Enter")
    one(page.get_by_role("button", name=words["start"], exact=True)).click()
    page.wait_for_url("**batch=**")
    one(page.get_by_text(words["done_of"].format(done=8, wanted=8, percent=100)))
    one(page.get_by_test_id("stButtonGroup").get_by_text(words["view_heatmap"])).click()
    settled(page)
    number = one(page.get_by_label(words["open_number"]))
    number.fill("1")
    number.press("Enter")
    opened = page.locator(".st-key-batch_opened_question")
    expect(opened.get_by_text("첫 물음 1개")).to_be_visible()
    chart = one(page.get_by_test_id("stVegaLiteChart").locator("canvas, svg"))
    chart.scroll_into_view_if_needed()
    place = chart.bounding_box()
    assert place is not None
    page.mouse.click(place["x"] + place["width"] * 0.8, place["y"] + place["height"] * 0.5)
    expect(opened.get_by_text("둘째 물음 2개")).to_be_visible()
    expect(number).to_have_value("2")
    mark(columns(page).first, texts.answer["make_good"]).press("Enter")
    expect(badge(columns(page).first, texts.answer["good"])).to_be_visible()
    for width in widths[::-1]:
        page.set_viewport_size({"width": width, "height": 1000})
        settled(page)
        eventually(partial(assert_within, opened, page.locator("body")))
        opened.scroll_into_view_if_needed()
        page.screenshot(path=SCREENSHOTS / f"opened_question_{language}_{scheme}_{width}.png")
