"""The kinds of training in Chromium: chosen and set up, and one at work, on a phone and in both languages.

Run: python -m pytest tests/browser/test_training_kinds_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page

from dashboard.session import training
from dashboard.texts import Texts, read_texts
from finetune.run_folder import TrainingState, TrainingStatus, now, run_folder
from finetune.run_reports import Metric, SampledAnswers
from tests.browser.at_the_page import nothing_is_cut_off, one, settled
from tests.browser.conftest import SCREENSHOTS, NewPerson
from tests.browser.expecting import expect
from tests.browser.served import Served

NAME, JUDGE = "grpo-at-work", "judge-of-manner"
WIDTHS = (1280, 390)
HEIGHT = 1900
"""The whole form: what is scrolled closes the options that are open."""


@pytest.fixture
def runs(demo_server: Served) -> Iterator[Path]:
    """A reward model that is done, and a training by rewards at work; gone afterwards."""
    home = demo_server.home
    settings = {"base_model": "demo-chat", "method": "lora", "data": ["questions.jsonl"]}
    for name, kind in ((JUDGE, "reward"), (NAME, "grpo")):
        run = run_folder(home, name)
        run.path.mkdir(parents=True)
        run.write("manifest.json", {"started": now(), "kind": kind, "settings": settings})
        run.set_status(TrainingStatus(TrainingState.DONE))
    run.set_status(TrainingStatus(TrainingState.TRAINING, pid=os.getpid(), step=10, total_steps=30))
    for step, (reward, exact) in enumerate(((0.1, 0.1), (0.5, 0.5), (0.9, 0.1)), 1):
        figures = {"reward": reward, "reward_se": 0.04, "reward_level": reward, "reward_ended": 1.0}
        figures |= {"kl": step / 2, "entropy": 1.0, "length": 12.0, "ended": 1.0, "policy_loss": 0.01}
        figures |= {"held_out_reward": reward, "held_out_exact": exact, "held_out_ended": 1.0}
        run.add_metric(Metric(now(), step * 5, 0.1, loss=0.2, tokens_per_second=300.0, figures=figures))
        answer = {"question": "수도는?", "expected": "서울이야.", "answer": f"{step}", "reward": reward}
        run.add_samples(SampledAnswers(step * 5, (answer,)))
    yield home
    for name in (NAME, JUDGE):
        shutil.rmtree(home / "runs" / name)


@pytest.mark.parametrize(("locale", "scheme"), [("ko-KR", "light"), ("en-GB", "dark")])
def test_a_kind_is_set_up_and_watched_with_nothing_cut_off(
    new_person: NewPerson, address: str, runs: Path, locale: str, scheme: Literal["light", "dark"]
) -> None:
    looks = {"locale": locale, "color_scheme": scheme, "viewport": {"width": WIDTHS[0], "height": HEIGHT}}
    page, texts = new_person(**looks).new_page(), read_texts(locale[:2])
    page.goto(f"{address}/training")
    set_up(page, texts)
    fits(page, f"training-grpo-{locale[:2]}")
    page.goto(f"{address}/training?training={NAME}")
    one(page.get_by_text(texts.kinds["hacking"], exact=True))
    one(page.get_by_text(re.compile("0.50.*0.90.*0.50.*0.10")))
    expect(page.get_by_test_id("stVegaLiteChart")).not_to_have_count(0)
    one(page.get_by_test_id("stSlider").get_by_role("slider")).press("ArrowLeft")
    one(page.get_by_test_id("stText").get_by_text("2", exact=True))
    fits(page, f"training-hacking-{locale[:2]}")


def set_up(page: Page, texts: Texts) -> None:
    """GRPO by a reward model and a rule, each with its weight."""
    one(page.locator(f".st-key-{training.kind_key('grpo')}").get_by_role("button")).click()
    one(page.get_by_text(texts.kinds["about_grpo"]))
    settled(page)
    for part in ("model", "length"):
        title = texts.kinds[f"part_{part}"]
        page.get_by_role("combobox", name=texts.kinds["rewards"]).fill(title)
        one(page.get_by_role("option", name=title, exact=True)).click()
        page.keyboard.press("Escape")
        settled(page)
    expect(page.get_by_role("spinbutton", name=texts.kinds["weight"], exact=True)).to_have_count(2)
    one(page.get_by_role("spinbutton", name=texts.kinds["length_to"]))
    one(page.get_by_text(JUDGE, exact=True).first)


def fits(page: Page, name: str) -> None:
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        settled(page)
        page.screenshot(path=SCREENSHOTS / f"{name}-{width}.png", full_page=True)
        nothing_is_cut_off(page, f"{name} at {width}")
    page.set_viewport_size({"width": WIDTHS[0], "height": HEIGHT})
