"""A training in Chromium on a demo model: set, started, its curves seen, stopped, gone on with, compared.

Run: python -m pytest tests/browser/test_training_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.at_the_page import FIRST_ANSWER, KO, one, open_page, settled
from tests.browser.expecting import expect
from tests.browser.served import Served

NAME, BASE, EPOCHS = "familiar", "demo-chat", 60
ROWS = [{"instruction": f"{number} 다음 수는?", "output": f"{number + 1}이야."} for number in range(1, 21)]


@pytest.fixture
def home(demo_server: Served) -> Iterator[Path]:
    """Without the training afterwards, and without the model that came of it: others share the server."""
    yield demo_server.home
    shutil.rmtree(demo_server.home / "runs" / NAME, ignore_errors=True)
    for entry in (demo_server.home / "models").glob(f"{NAME}*"):
        entry.unlink()


def begin(page: Page, rows: Path) -> None:
    base = page.get_by_role("combobox", name=KO.training["base"])
    base.fill("chat template")
    one(page.get_by_role("option", name="Demo: chat template (toy)")).click()
    one(page.get_by_test_id("stButtonGroup").get_by_text(KO.training["source_file"])).click()
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(rows)
    one(page.get_by_role("main").get_by_text(rows.name, exact=True))
    page.get_by_role("textbox", name=KO.training["name"], exact=True).fill(NAME)
    epochs = page.get_by_role("spinbutton", name=KO.training["set_epochs"], exact=True)
    epochs.fill(str(EPOCHS))
    epochs.press("Tab")
    settled(page)
    one(page.get_by_role("button", name=KO.training["start"])).click()
    page.wait_for_url(f"**training={NAME}")


def test_one_trains_stops_goes_on_and_compares(page: Page, address: str, home: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS), encoding="utf-8")
    begin(open_page(page, address, "training"), rows)
    expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible(timeout=FIRST_ANSWER)
    one(page.get_by_role("button", name=KO.training["stop"])).click()
    one(page.get_by_text(KO.training["told_stopped"]), FIRST_ANSWER)
    page.reload()
    one(page.get_by_role("button", name=KO.training["resume"])).click()
    compare = one(page.get_by_role("button", name=KO.training["compare"]), FIRST_ANSWER)
    one(page.get_by_text(KO.training["step_of"].format(total=EPOCHS, step=EPOCHS, epoch=f"{EPOCHS}.00")))
    compare.click()
    for model in (BASE, NAME):
        one(page.locator(f".st-key-compare_remove_{model}"))
    expect(page.locator("[class*=st-key-compare_remove_]")).to_have_count(2)
