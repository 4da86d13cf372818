"""The sidebar of the page that asks in Chromium: with eight models picked, all that one needs is in sight.

Run: python -m pytest tests/browser/test_sidebar_in_chromium.py  (needs chromium; pictures go to screenshots/)
"""

from __future__ import annotations

from playwright.sync_api import Page

from dashboard.session.settings import MOST_MODELS
from dashboard.texts import Texts, read_texts
from tests.browser.at_the_page import (
    KO,
    ask,
    close_list,
    one,
    open_compare,
    open_list,
    settled,
    wait_for_answers,
)
from tests.browser.conftest import SCREENSHOTS, NewPerson
from tests.browser.expecting import expect

HEIGHT = 900
_PLACES = """elements => elements.map(each => {
  const {left, right, top, bottom} = each.getBoundingClientRect()
  return {left, right, top, bottom, cut: each.scrollWidth - each.clientWidth}
})"""


def pick_eight(page: Page) -> None:
    """The four that are picked at first, and as many of those that a search finds."""
    search = open_list(page)
    search.fill("polyglot")
    search.press("Enter")
    ticks = page.locator("[class*=st-key-compare_pick_]")
    expect(ticks.filter(has_text="demo")).to_have_count(0)
    for at in range(MOST_MODELS - 4):
        settled(page)
        ticks.nth(at).locator("label").click()
        expect(page.locator("[class*=st-key-compare_remove_]")).to_have_count(5 + at)
    close_list(page)


def check_sidebar(page: Page, texts: Texts) -> None:
    """At the top of it: the name, the search, and each model in a row that shows everything."""
    sidebar = page.get_by_test_id("stSidebarContent")
    sidebar.evaluate("each => each.scrollTo(0, 0)")
    one(sidebar.get_by_test_id("stSidebarLogo"))
    opens = one(sidebar.get_by_role("button", name=texts.compare["pick"]))
    rows = sidebar.locator(".st-key-compare_picked_models > [data-testid=stLayoutWrapper]")
    expect(rows).to_have_count(MOST_MODELS)
    edge = sidebar.bounding_box()
    assert edge is not None
    inside = [*rows.evaluate_all(_PLACES), *opens.evaluate_all(_PLACES)]
    assert all(place["top"] >= 0 and place["bottom"] <= HEIGHT for place in inside), inside
    for at in range(MOST_MODELS):
        row = rows.nth(at)
        places = row.locator("p, button").filter(visible=True).evaluate_all(_PLACES)
        assert all(place["right"] <= edge["x"] + edge["width"] for place in places), places
        assert all(place["cut"] <= 0 for place in row.locator("p").evaluate_all(_PLACES))
        middles = [(place["top"] + place["bottom"]) / 2 for place in places]
        assert max(middles) - min(middles) < 8, "title, quantization, size and removing stand in one row"
        title = row.locator("p").first.inner_text()
        one(row.get_by_role("button", name=texts.compare["remove"].format(title=title), exact=True))


def test_eight_models_and_the_search_fit_a_usual_window(new_person: NewPerson, scripted: str) -> None:
    window = {"width": 1440, "height": HEIGHT}
    person = new_person(viewport=window)
    page = open_compare(person.new_page(), scripted)
    pick_eight(page)
    check_sidebar(page, KO)
    page.screenshot(path=SCREENSHOTS / "sidebar-ko.png")
    ask(page, "2개")
    wait_for_answers(page, MOST_MODELS)
    english = new_person(viewport=window, locale="en-GB", storage_state=person.storage_state()).new_page()
    english.goto(page.url)
    one(english.get_by_test_id("stChatInputTextArea"))
    check_sidebar(settled(english), read_texts("en"))
    english.screenshot(path=SCREENSHOTS / "sidebar-en.png")
