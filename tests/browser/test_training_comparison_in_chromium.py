"""Trainings in Chromium as a table and over each other, and a new one with the settings of another.

Run: python -m pytest tests/browser/test_training_comparison_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from typing import Literal

import pytest
from playwright.sync_api import Page

from dashboard.texts import Texts, read_texts
from finetune.jobs import SftSettings
from finetune.kinds import recorded
from finetune.run_folder import TrainingState, TrainingStatus, now, run_folder
from finetune.run_reports import Metric
from tests.browser.at_the_page import nothing_is_cut_off, one, settled
from tests.browser.conftest import SCREENSHOTS, NewPerson
from tests.browser.expecting import expect
from tests.browser.served import Served

RATES = {"학습률-높게": 0.0025, "학습률-낮게": 0.0001}
HEIGHT = 1900


@pytest.fixture
def runs(demo_server: Served) -> Iterator[None]:
    for name, rate in RATES.items():
        run = run_folder(demo_server.home, name)
        run.path.mkdir(parents=True)
        settings = SftSettings(base_model="demo-chat", data=("questions.jsonl",), learning_rate=rate)
        run.write("manifest.json", {"started": now(), **recorded(settings)})
        run.write(
            "report.json", {"held_out": {w: {"loss": 2.0, "perplexity": 7.4} for w in ("before", "after")}}
        )
        for step in range(1, 9):
            run.add_metric(Metric(now(), step, 0.1, loss=2 / step + rate, held_out_loss=2 / step))
        run.set_status(TrainingStatus(TrainingState.DONE, total_steps=8))
    yield
    for name in RATES:
        shutil.rmtree(demo_server.home / "runs" / name)


@pytest.mark.parametrize(("locale", "scheme"), [("ko-KR", "light"), ("en-GB", "dark")])
def test_two_are_picked_by_keyboard_and_compared_and_one_is_trained_again(
    new_person: NewPerson, address: str, runs: None, locale: str, scheme: Literal["light", "dark"]
) -> None:
    looks = {"locale": locale, "color_scheme": scheme, "viewport": {"width": 1440, "height": HEIGHT}}
    page, texts = new_person(**looks).new_page(), read_texts(locale[:2])
    page.goto(f"{address}/training")
    picked(page, texts, RATES)
    fits(page, f"training-list-{locale[:2]}")
    one(page.get_by_role("button", name=texts.runs["compare"], exact=True)).press("Enter")
    one(page.get_by_role("heading", name=texts.runs["compared"]))
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(2)
    slider = one(page.get_by_role("slider", name=texts.runs["smoothing"]))
    slider.press("End")
    expect(slider).to_have_attribute("aria-valuetext", "0.99")
    one(page.get_by_test_id("stButtonGroup").get_by_text(texts.runs["by_share"], exact=True)).click()
    rows = page.get_by_test_id("stTable").last.get_by_role("row")
    expect(rows).to_have_count(2)
    expect(rows.last).to_have_text(f"{texts.training['set_learning_rate']}0.00010.0025")
    fits(page, f"training-compared-{locale[:2]}")
    page.goto(f"{address}/training?training={next(iter(RATES))}")
    one(page.get_by_test_id("stCode").get_by_text("--learning-rate 0.0025"))
    one(page.get_by_role("button", name=texts.runs["again"])).press("Enter")
    rate = page.get_by_role("spinbutton", name=texts.training["set_learning_rate"], exact=True)
    expect(one(rate)).to_have_value("0.0025")


def picked(page: Page, texts: Texts, names: Iterable[str]) -> None:
    """By name, without a mouse; the table follows."""
    box = page.get_by_role("combobox", name=texts.runs["pick"])
    for name in sorted(names):
        box.press_sequentially(name)
        box.press("Enter")
        settled(page)
    box.press("Escape")
    expect(page.get_by_role("button", name=f"Clear selection: {texts.training['list']}")).to_have_count(1)


def fits(page: Page, name: str) -> None:
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        settled(page)
        page.screenshot(path=SCREENSHOTS / f"{name}-{width}.png", full_page=True)
        nothing_is_cut_off(page, f"{name} at {width}")
