"""What people do at the pages, and what they read there; for the browser tests, holds no test itself.

Knows: how a question is asked and where its answers stand.
Refuses to know: what the answers should be.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import Locator, Page

from dashboard.texts import Texts, read_texts
from tests.browser.expecting import eventually, expect
from tests.browser.served import ROOT

KO: Texts = read_texts("ko")
MODELS = ("demo-koalpaca", "demo-kullm", "demo-chat", "demo-korwkv")
FIRST_ANSWER = 180_000
"""Milliseconds that the first question of a server may take: it brings torch."""
_CUT_OFF = """() => {
  const inside = document.querySelector('[data-testid="stMainBlockContainer"]')
  return [document.documentElement, inside].map(each => each.scrollWidth - each.clientWidth)
}"""
_SIDEBAR_IS_GONE = """() =>
  (document.querySelector('[data-testid="stSidebar"]')?.getBoundingClientRect().right ?? 0) <= 0"""
_COLUMN = '[data-testid="stVerticalBlock"][class*="st-key-answer_"]'


def known_answers(question: str) -> tuple[str, ...]:
    """The answers to each turn of the row that opens with this question, as the demo models learned them."""
    path = Path(ROOT, "model_registry/demo/questions.jsonl")
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    (row,) = [row for row in rows if row["turns"][0]["question"] == question]
    return tuple(turn["answer"] for turn in row["turns"])


def box(page: Page) -> Locator:
    return page.get_by_test_id("stChatInputTextArea")


def settled(page: Page) -> Page:
    """Nothing is being drawn, and what stood there before has gone."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    return page


def one(place: Locator, timeout: float | None = None) -> Locator:
    """It is seen, and once: while a page is drawn anew, old and new stand together for a moment, and whatever
    asks for one of two fails at once."""
    seen = place.filter(visible=True)
    expect(seen).to_have_count(1, timeout=timeout)
    return seen


def nothing_is_cut_off(page: Page, what: str) -> None:
    """A page takes a moment to follow its window."""

    def fits() -> None:
        assert page.evaluate(_CUT_OFF) == [0, 0], f"{what} is wider than its window"

    eventually(fits)


def sidebar_gives_way(page: Page) -> None:
    """In a narrow window."""
    page.wait_for_function(_SIDEBAR_IS_GONE)


def choose_export(page: Page, word: str) -> None:
    one(page.get_by_test_id("stButtonGroup").get_by_text(KO.export[word], exact=True)).click()
    settled(page)


def downloaded(page: Page, folder: Path) -> Path:
    """The file that is made now. The button of the one before goes with another choice, a moment later than
    the click: pressed in that moment, it fetches a file that is no longer there."""
    ready = page.get_by_test_id("stDownloadButton").get_by_role("button")
    expect(ready).to_have_count(0)
    one(page.get_by_role("button", name=KO.export["make"])).click()
    expect(ready).to_be_enabled()
    with page.expect_download() as download:
        ready.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def open_compare(page: Page, address: str) -> Page:
    page.goto(address)
    expect(one(box(page))).to_be_enabled()
    return settled(page)


def open_page(page: Page, address: str, name: str) -> Page:
    """Through the menu, as people do."""
    if not page.url.startswith(address):
        open_compare(page, address)
    page.get_by_test_id("stSidebarNav").get_by_text(KO.pages[name], exact=True).click()
    one(page.get_by_role("heading", level=1, name=KO.pages[name]))
    return settled(page)


def ask(page: Page, question: str) -> None:
    """Asks, and waits until the question stands on the page."""
    box(page).fill(question)
    box(page).press("Enter")
    expect(page.get_by_test_id("stChatMessage").get_by_text(question, exact=True).last).to_be_visible()
    page.wait_for_url("**run=**")


def begin_anew(page: Page) -> None:
    one(page.get_by_text(KO.compare["new"], exact=True)).click()
    one(page.get_by_text(KO.compare["empty_title"]))
    settled(page)


def columns(page: Page) -> Locator:
    """Of the latest question."""
    return page.locator('[class*="st-key-answers_"]').last.locator(_COLUMN)


def wait_for_answers(page: Page, count: int, reason: str = "eos") -> None:
    ways = [KO.reasons[reason]] + ([KO.reasons["quoted"]] if reason == "eos" else [])
    ended = columns(page).get_by_text(re.compile("|".join(map(re.escape, ways))))
    expect(ended).to_have_count(count, timeout=FIRST_ANSWER)
    settled(page)


def wait_until_all_ended(page: Page) -> None:
    """The last turn is done: a question would be asked at once."""
    settled(page)
    expect(box(page)).to_have_attribute("placeholder", KO.compare["question_on"], timeout=FIRST_ANSWER)
    settled(page)


def growing(column: Locator) -> str:
    """The text so far of a column that still answers."""
    return column.get_by_test_id("stText").inner_text()


def ended_text(column: Locator) -> str:
    """The answer of a column that ended; its head and its figures stand before it."""
    return column.locator('[class*="st-key-text_"]').get_by_test_id("stMarkdownContainer").first.inner_text()


def pressable(column: Locator, what: str) -> Locator:
    """One of a column's buttons: stop, again, baseline."""
    return one(column.locator(f'[class*="_{what}"] button'))


def pick(page: Page, *models: str) -> None:
    """Exactly these, whatever was picked before."""
    one(box(page))  # the last thing on the page: a click before it is drawn may be lost
    settled(page)
    open_list(page)
    for model in dict.fromkeys([*MODELS, *models]):
        tick = page.locator(f".st-key-compare_pick_{model}").get_by_role("checkbox")
        if tick.is_checked() != (model in models):
            page.locator(f".st-key-compare_pick_{model} label").click()
            expect(page.locator(f".st-key-compare_remove_{model}")).to_have_count(int(model in models))
            settled(page)
    expect(page.locator("[class*=st-key-compare_remove_]")).to_have_count(len(models))
    close_list(page)


def open_list(page: Page, where: str = "compare") -> Locator:
    """The list of models to pick from; what it is searched by."""
    search = page.locator(f".st-key-{where}_search input")
    if not search.count():
        one(page.locator(f".st-key-{where}_list button").first).click()
    return one(search)


def close_list(page: Page) -> None:
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)
    settled(page)


def loads_so_far(page: Page, address: str) -> list[str]:
    """What was loaded since the server began, as the page of models tells; at least once."""
    open_page(page, address, "models")
    event = re.compile(r"\d\d:\d\d:\d\d · (.*) " + re.escape(KO.memory["short_load"]))
    events = page.get_by_role("main").get_by_role("listitem").filter(has_text=event)
    expect(events).not_to_have_count(0)
    return event.findall("\n".join(events.all_inner_texts()))


def all_good(page: Page) -> None:
    """The app stands on the page and shows no error of the script."""
    one(page.get_by_test_id("stApp"))
    one(box(page))
    assert page.get_by_test_id("stException").count() == 0
