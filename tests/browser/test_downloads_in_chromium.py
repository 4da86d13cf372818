"""A model is downloaded ahead on the page of models and deleted again, by who sits at the machine alone.

Run: python -m pytest tests/browser/test_downloads_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from dashboard.texts import Texts, read_texts
from tests.browser.at_the_page import FIRST_ANSWER, KO, one, settled
from tests.browser.conftest import SCREENSHOTS, NewPerson
from tests.browser.expecting import expect
from tests.browser.served import Served, served
from tests.browser.stored_home import FAR_ENTRY, FAR_TITLE
from tests.engines.tiny_models import make_tiny_model
from tests.hub.loopback_hub import serving


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """On a hub of its own, with an entry whose files lie there."""
    with serving({"people/tiny": make_tiny_model(tmp_path / "tiny")}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        (tmp_path / "home" / "models").mkdir(parents=True)
        (tmp_path / "home" / "models" / "far.toml").write_text(FAR_ENTRY, encoding="utf-8")
        with served(tmp_path) as running:
            yield running


def downloads(page: Page, address: str, texts: Texts) -> Page:
    page.goto(f"{address}/models?part=downloads")
    one(page.get_by_role("heading", name=texts.downloads["stored"]))
    return settled(page)


def test_a_model_is_fetched_shown_to_all_and_deleted_at_the_machine(
    server: Served, new_person: NewPerson
) -> None:
    page = downloads(new_person().new_page(), server.here, KO)
    one(page.get_by_text(KO.downloads["nothing"]))
    fetch = page.get_by_role("button", name=KO.downloads["fetch"], exact=True)
    expect(fetch).to_be_disabled()
    box = page.get_by_role("combobox", name=KO.downloads["model"])
    box.fill(FAR_TITLE)
    one(page.get_by_role("option", name=FAR_TITLE)).click()
    expect(fetch).to_be_enabled()
    fetch.click()
    one(page.get_by_text(KO.downloads["whole"], exact=True), FIRST_ANSWER)
    page.screenshot(path=SCREENSHOTS / "downloads-ko.png")
    english = read_texts("en")
    look = {"width": 390, "height": 844}
    stranger = new_person(locale="en-GB", color_scheme="dark", viewport=look).new_page()
    downloads(stranger, server.address, english)
    one(stranger.get_by_text(english.downloads["whole"], exact=True))
    expect(
        stranger.get_by_role("button", name=english.downloads["remove"].format(title=FAR_TITLE))
    ).to_be_disabled()
    assert stranger.evaluate("document.documentElement.scrollWidth <= innerWidth")
    stranger.screenshot(path=SCREENSHOTS / "downloads-en-dark-phone.png")
    one(page.get_by_role("button", name=KO.downloads["remove"].format(title=FAR_TITLE))).click()
    one(page.get_by_role("button", name=KO.downloads["remove_now"], exact=True)).click()
    one(page.get_by_text(KO.downloads["nothing"]))
