"""The search chat in Chromium: asked, read behind its citations, compared, gone on with, exported, stopped.

Run: python -m pytest tests/browser/test_search_in_chromium.py  (needs chromium; pictures go to screenshots/)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page

from dashboard.texts import read_texts
from tests.browser.at_the_page import (
    KO,
    box,
    choose_export,
    close_list,
    columns,
    downloaded,
    nothing_is_cut_off,
    one,
    open_list,
    settled,
    sidebar_gives_way,
    wait_for_answers,
)
from tests.browser.conftest import SCREENSHOTS, NewPerson
from tests.browser.expecting import PATIENCE, eventually, expect
from tests.browser.scripted_server import WRONG_FIGURE, WRONG_MODEL
from tests.browser.served import SCRIPTED, served
from tests.search.providers.loopback_service import LoopbackService, Reply, serving

QUESTION, FOLLOWING = "한라산의 높이는 얼마인가요?", "그 산은 어느 섬에 있나요?"
WIDE, NARROW = 1280, 390


@pytest.fixture(scope="module")
def searxng() -> Iterator[LoopbackService]:
    with serving() as service:
        service.reply = Reply(b"x", stall=True)
        yield service


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, searxng: LoopbackService) -> Iterator[str]:
    """At which all browsers are the same person."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NARANI_SEARXNG_URL", searxng.address)
        patched.setenv("NARANI_SEARCH_SECONDS", str(PATIENCE // 1000))
        with served(tmp_path_factory.mktemp("search"), module=SCRIPTED) as server:
            yield server.here


def open_chat(page: Page, address: str) -> Page:
    page.goto(f"{address}/search")
    expect(one(box(page))).to_be_enabled()
    return settled(page)


def pick_model(page: Page, model: str) -> None:
    open_list(page, "search")
    page.locator(f".st-key-search_pick_{model} label").click()
    expect(page.locator(f".st-key-search_remove_{model}")).to_have_count(1)
    close_list(page)


def ask(page: Page, question: str, answers: int) -> str:
    """The address of the run that answered."""
    before = page.url
    box(page).fill(question)
    box(page).press("Enter")
    page.wait_for_url(lambda url: "run=" in url and url != before and "search=" not in url)
    wait_for_answers(page, answers)
    return page.url


def wrong_sentence(page: Page) -> Locator:
    return columns(page).locator(".nr-sentence.nr-unsupported", has_text=WRONG_FIGURE)


def test_every_sentence_leads_to_its_source_and_a_wrong_figure_is_seen(page: Page, address: str) -> None:
    open_chat(page, address)
    pick_model(page, WRONG_MODEL)
    ask(page, QUESTION, 2)
    card = page.locator("details.nr-source").first
    expect(card.locator("blockquote")).to_be_hidden()
    card.locator("summary").focus()
    page.keyboard.press("Enter")
    passage = card.locator("blockquote").inner_text()
    assert "한라산" in passage
    expect(one(wrong_sentence(page))).to_be_visible()
    sign = columns(page).locator(".nr-sign.nr-unsupported").first
    assert KO.search["unsupported"] in str(sign.get_attribute("aria-label"))
    cited = columns(page).last.locator(".nr-cite")
    button, shown = cited.first.get_by_role("button"), cited.first.locator(".nr-passage")
    expect(shown).to_be_hidden()
    button.hover()
    expect(shown).to_contain_text(passage[:40])
    box_of_passage = shown.bounding_box()
    assert box_of_passage is not None and 0 <= box_of_passage["x"] < WIDE - box_of_passage["width"]
    page.mouse.move(1, 1)
    expect(shown).to_be_hidden()
    button.click()
    page.mouse.move(1, 1)
    expect(shown).to_be_visible()
    page.keyboard.press("Escape")
    expect(shown).to_be_hidden()
    button.focus()
    page.keyboard.press("Enter")
    expect(shown).to_be_visible()
    page.screenshot(path=SCREENSHOTS / "search-passage.png")
    assert page.get_by_test_id("stAppViewContainer").evaluate("each => each.scrollTop") == 0, "moved away"


def test_models_are_compared_over_the_same_sources_and_the_chat_goes_on_and_is_exported(
    page: Page, address: str, tmp_path: Path
) -> None:
    open_chat(page, address)
    for model in ("demo-chat", WRONG_MODEL):
        pick_model(page, model)
    ask(page, QUESTION, 3)
    rows = page.locator(".nr-table tbody tr")
    expect(rows.filter(has_text="chat template")).to_contain_text("100%")
    expect(rows.filter(has_text="KULLM")).to_contain_text("33%")
    ask(page, FOLLOWING, 3)
    folded = page.get_by_test_id("stExpander").filter(has_text=QUESTION)
    folded.locator("summary").first.click()
    expect(wrong_sentence(page).or_(folded.locator(".nr-unsupported").first).first).to_be_visible()
    expect(folded.locator(".nr-source").first).to_be_visible()
    one(page.get_by_text(KO.export["title"], exact=True)).click()
    one(page.get_by_text(KO.export["scope_conversation"], exact=True)).click()
    settled(page)
    choose_export(page, "jsonl")
    rows_read = [json.loads(line) for line in downloaded(page, tmp_path).read_text("utf-8").splitlines()]
    assert len(rows_read) == 6
    for row in rows_read:
        room = row["extras"]["search"]
        assert "한라산" in room["sources"][0]["passage"] and room["sentences"]
    wrong = [each for row in rows_read for each in row["extras"]["search"]["sentences"]]
    assert any(WRONG_FIGURE in each["text"] and each["verdict"] == "unsupported" for each in wrong)


def test_a_slow_search_is_stopped_and_the_question_stays(
    page: Page, address: str, searxng: LoopbackService
) -> None:
    open_chat(page, address)
    page.locator(".st-key-search_provider").get_by_role("combobox").click()
    page.get_by_role("option", name="SearXNG").click()
    settled(page)
    box(page).fill(QUESTION)
    box(page).press("Enter")
    eventually(lambda: searches(page, searxng, 1))
    page.screenshot(path=SCREENSHOTS / "search-stages.png")
    one(page.get_by_role("button", name=KO.search["stop_search"])).click()
    one(page.get_by_text(KO.search["stopped"]))
    one(page.get_by_role("main").get_by_text(QUESTION, exact=True))
    one(page.get_by_role("button", name=KO.search["search_again"])).click()
    eventually(lambda: searches(page, searxng, 2))
    page.reload()
    one(page.get_by_role("button", name=KO.search["stop_search"])).click()
    one(page.get_by_text(KO.search["stopped"]))


def searches(page: Page, searxng: LoopbackService, times: int) -> None:
    expect(page.locator(".nr-stages .nr-now")).to_contain_text(KO.search["stage_searching"])
    assert len(searxng.requests) == times, "not asked yet"


@pytest.mark.parametrize(("locale", "scheme"), [("ko-KR", "light"), ("en-GB", "dark")])
def test_it_fits_in_both_widths(
    new_person: NewPerson, address: str, locale: str, scheme: Literal["light", "dark"]
) -> None:
    page = new_person(locale=locale, color_scheme=scheme, viewport={"width": WIDE, "height": 1000}).new_page()
    texts = read_texts(locale[:2])
    page.goto(f"{address}/search")
    one(page.get_by_role("heading", level=1, name=texts.search["title"]))
    one(page.get_by_text(texts.search["recent"], exact=True))
    page.locator('[class*="st-key-search_open_"] button').first.click()
    expect(columns(page).first).to_be_visible()
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": 1000})
        settled(page)
        if width == NARROW:
            sidebar_gives_way(page)
        eventually(partial(passage_is_within, page, width))
        page.screenshot(path=SCREENSHOTS / f"search-chat-{scheme}-{locale[:2]}-{width}.png")
        nothing_is_cut_off(page, f"a search at {width}")


def passage_is_within(page: Page, width: int) -> None:
    cited = columns(page).last.locator(".nr-cite").first
    cited.get_by_role("button").hover()
    shown = cited.locator(".nr-passage").bounding_box()
    assert shown is not None and shown["x"] >= 0 and shown["x"] + shown["width"] <= width
