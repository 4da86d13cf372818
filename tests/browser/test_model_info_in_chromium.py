"""A model added by its source alone, and the sizes of models, as people see them in two languages and themes.

Run: python -m pytest tests/browser/test_model_info_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page

from dashboard.texts import read_texts
from tests.browser.at_the_page import nothing_is_cut_off, one, settled
from tests.browser.conftest import SCREENSHOTS, NewPerson
from tests.browser.expecting import expect
from tests.browser.served import ROOT, Served

DEMO = ROOT / "model_registry/demo"
WIDE, NARROW = 1440, 390
FILLED = (
    *("id", "title", "architecture", "parameters", "context_length", "eos_token_ids", "prompt_format"),
    *("license.name", "license.address", "license.commercial"),
    *("embeddings.vocabulary", "embeddings.hidden_size"),
)
BADGE = ".stMarkdownBadge"
_ITS_COLUMN = 'xpath=ancestor::*[@data-testid="stColumn"][1]'


def field(page: Page, name: str) -> Locator:
    return page.get_by_role("textbox", name=f"{name} *", exact=True)


def type_in(box: Locator, value: str) -> None:
    box.fill(value)
    box.press("Tab")


def fits_in_both_widths(page: Page, looks: str) -> None:
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": 1600})
        settled(page)
        page.screenshot(path=SCREENSHOTS / f"model-info-{looks}-{width}.png", full_page=True)
        nothing_is_cut_off(page, f"the form at {width}")
    page.set_viewport_size({"width": WIDE, "height": 1600})


def sizes_have_units_that_fit(page: Page, address: str) -> None:
    page.goto(f"{address}/models?part=registry&model=demo-koalpaca")
    facts = page.get_by_role("cell")
    one(facts.get_by_text("1.25M", exact=True))
    expect(facts.filter(has_text="5.0 MB")).to_have_count(1)


@pytest.mark.parametrize(("locale", "scheme"), [("ko-KR", "light"), ("en-GB", "dark")])
def test_a_folder_fills_the_form_and_says_what_it_could_not_read(
    new_person: NewPerson, demo_server: Served, tmp_path: Path, locale: str, scheme: Literal["light", "dark"]
) -> None:
    words = read_texts(locale[:2]).models
    page = new_person(locale=locale, color_scheme=scheme, viewport={"width": WIDE, "height": 1600}).new_page()
    chat = shutil.copytree(DEMO / "demo-chat", tmp_path / "my-chat")
    page.goto(f"{demo_server.here}/models?part=own")
    one(page.get_by_role("button", name=words["add"])).click()
    settled(page)
    type_in(field(page, words["field_source"]), str(chat))
    settled(page)
    read = one(page.get_by_role("button", name=words["read_source"]))
    read.click()
    expect(field(page, words["field_title"])).to_have_value("my-chat")
    expect(field(page, words["field_parameters"])).to_have_value("1,248,384")
    report = page.locator(".st-key-models_reading")
    one(report.get_by_text(words["fields_filled"].format(count=len(FILLED))))
    settled(page)
    title = field(page, words["field_title"]).locator(_ITS_COLUMN)
    one(title.locator(BADGE).filter(has_text=words["filled"]))
    type_in(field(page, words["field_title"]), "another")
    expect(title.locator(BADGE)).to_have_count(0)
    fits_in_both_widths(page, f"{scheme}-{locale[:2]}")

    strange = shutil.copytree(DEMO / "demo-koalpaca", tmp_path / "strange")
    (strange / "config.json").write_text("broken {")
    type_in(field(page, words["field_source"]), str(strange))
    one(page.get_by_text(words["source_changed"]))
    read.click()
    expect(field(page, words["field_parameters"])).to_have_value("1,254,144")
    expect(field(page, words["field_title"])).to_have_value("another")
    settled(page)
    for said in (
        "config.json",
        {"ko": "프롬프트 형식을 알 수 없습니다", "en": "format is not known"}[locale[:2]],
    ):
        expect(report.get_by_text(said).first).to_be_visible()
    page.screenshot(path=SCREENSHOTS / f"model-info-unread-{scheme}-{locale[:2]}.png", full_page=True)
    sizes_have_units_that_fit(page, demo_server.here)
