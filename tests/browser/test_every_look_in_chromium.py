"""Pages in every look: in both languages, light and dark, 1440 and 390 wide, looked at in place, with
answers, batches, trainings and files of every kind that lie there beforehand.

Run: AXE=…/axe.min.js python -m pytest tests/browser/test_every_look_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Page

from dashboard.texts import Texts, read_texts
from tests.browser import stored_home
from tests.browser.at_the_page import columns, one, open_list, settled
from tests.browser.conftest import SCREENSHOTS, NewPerson
from tests.browser.expecting import eventually, expect
from tests.browser.looking import HEIGHT, LOOKS, Look, faults, look
from tests.browser.served import ROOT, SCRIPTED, Served, served
from tests.browser.test_accessibility_in_chromium import axe, serious
from tests.browser.test_training_comparison_in_chromium import picked

__all__ = ["axe"]

LookedAt = Callable[[str], None]
"""Looks at the page as it stands, under a name."""
HEARD = {"ko": Look("dark", 1440), "en": Look("light", 390)}
"""In which of its looks a page is also held against axe-core."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("looks")
    home, cache = folder / "home", folder / "cache"
    stored_home.own_model_and_files(home, cache)
    stored_home.trainings(home)
    for language in stored_home.WORDS:
        stored_home.conversation(home, language)
        stored_home.batch(home, language)
        stored_home.search(home, language)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HF_HUB_CACHE", str(cache))
        with served(folder, module=SCRIPTED) as server:
            yield server


@pytest.fixture(params=["ko", "en"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def texts(language: str) -> Texts:
    return read_texts(language)


@pytest.fixture
def page(new_person: NewPerson, language: str) -> Page:
    return new_person(locale=f"{language}-KR", viewport={"width": 1440, "height": HEIGHT}).new_page()


@pytest.fixture
def looked_at(page: Page, language: str, axe: str) -> LookedAt:
    """Each time the other way round: it begins as the last one ended."""
    order = list(LOOKS)

    def look_at(name: str) -> None:
        for at in order:
            look(page, at)
            eventually(partial(nothing_is_wrong, f"{name} {at.scheme} {at.width}"))
            if at == HEARD[language]:
                page.screenshot(path=SCREENSHOTS / f"every-look-{name}-{language}.png")
                eventually(nothing_is_serious)
        order.reverse()

    def nothing_is_wrong(where: str) -> None:
        wrong = faults(page, language)
        assert not wrong, "\n".join([where, *wrong])

    def nothing_is_serious() -> None:
        wrong = serious(page, axe)
        assert not wrong, "\n".join(wrong)

    return look_at


def opened(page: Page, server: Served, address: str) -> None:
    page.goto(f"{server.here}/{address}")
    one(page.get_by_role("main").locator("button, textarea").first)
    settled(page)


def test_answers_look_well(
    page: Page, server: Served, language: str, texts: Texts, looked_at: LookedAt
) -> None:
    """Attempts that differ, thinking, formulas, code, a failure, marks; then measured, and without names."""
    words = stored_home.WORDS[language]
    opened(page, server, f"?run={language}-2")
    one(page.get_by_test_id("stExpander").filter(has_text=words.question))
    attempt = texts.attempts["attempt"].format(attempt=1)
    columns(page).first.get_by_role("radio", name=attempt, exact=True).click()
    settled(page)
    against = texts.attempts["against"].format(attempt=2)
    columns(page).first.get_by_role("radio", name=against, exact=True).click()
    expect(columns(page).first.locator("del").first).to_be_visible()
    folded = columns(page).nth(1).get_by_text(texts.thinking["thought"].format(count=len(words.thought)))
    expect(folded).to_be_visible()
    expect(columns(page).nth(1)).not_to_contain_text(words.thought)
    expect(columns(page).nth(2).locator(".katex:visible")).to_have_count(2)
    expect(columns(page).nth(2).locator("code span").first).to_be_visible()
    looked_at("answers")
    one(page.get_by_text(texts.answer["charts"], exact=True)).click()
    one(page.get_by_role("button", name=texts.answer["measure_alone"])).click()
    expect(page.get_by_text(texts.answer["measured_alone"])).to_be_visible()
    looked_at("measured")
    one(page.get_by_role("switch", name=texts.answer["hide_names"])).press("Space")
    expect(columns(page).first.locator("strong").first).to_have_text("A")
    looked_at("without names")
    opened(page, server, "models?part=memory")
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(2)
    looked_at("memory")


def test_lists_look_well(
    page: Page, server: Served, language: str, texts: Texts, looked_at: LookedAt
) -> None:
    """Models to pick from, a heat map with a question opened from it, a search."""
    opened(page, server, "")
    open_list(page)
    expect(page.get_by_test_id("stPopoverBody").get_by_role("checkbox").nth(9)).to_be_attached()
    looked_at("picker")
    opened(page, server, f"batch?batch=batch-{language}")
    one(page.get_by_test_id("stButtonGroup").get_by_text(texts.batch["view_heatmap"])).click()
    settled(page)
    number = one(page.get_by_label(texts.batch["open_number"]))
    number.fill("1")
    number.press("Enter")
    one(page.locator(".st-key-batch_opened_question"))
    looked_at("heat map")
    opened(page, server, f"search?run={language}-search")
    expect(columns(page).locator(".nr-unsupported").first).to_be_visible()
    looked_at("search")


def test_trainings_look_well(
    page: Page, server: Served, language: str, texts: Texts, looked_at: LookedAt
) -> None:
    """As a table, two over each other, and one with its settings."""
    opened(page, server, "training")
    picked(page, texts, stored_home.RATES)
    looked_at("trainings")
    one(page.get_by_role("button", name=texts.runs["compare"], exact=True)).press("Enter")
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(2)
    looked_at("trainings compared")
    opened(page, server, f"training?training={next(iter(stored_home.RATES))}")
    one(page.get_by_test_id("stCode").get_by_text("--learning-rate 0.0025"))
    looked_at("a training")


def test_models_look_well(
    page: Page, server: Served, tmp_path: Path, texts: Texts, looked_at: LookedAt
) -> None:
    """Their files, and a form that filled itself in."""
    opened(page, server, "models?part=downloads")
    one(page.get_by_text(texts.downloads["part"], exact=True))
    looked_at("downloads")
    source = shutil.copytree(ROOT / "model_registry/demo/demo-chat", tmp_path / "my-chat")
    opened(page, server, "models?part=own")
    one(page.get_by_role("button", name=texts.models["add"])).click()
    field = one(page.get_by_role("textbox", name=f"{texts.models['field_source']} *", exact=True))
    field.fill(str(source))
    field.press("Tab")
    settled(page)
    one(page.get_by_role("button", name=texts.models["read_source"])).click()
    expect(page.locator(".stMarkdownBadge").filter(has_text=texts.models["filled"]).first).to_be_visible()
    looked_at("own model")
