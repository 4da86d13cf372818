"""Takes the five pictures of the README again, from the dashboard on its demo models.

Run: python scripts/take_screenshots.py  (needs Debian's chromium, playwright and a Korean font)

Knows: what each picture shows, and that it is a small file.
Refuses to know: how the dashboard is served and asked; the browser tests do.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from command_line import run, unwinding
from tests.browser.at_the_page import (
    KO,
    ask,
    begin_anew,
    box,
    close_list,
    columns,
    one,
    open_compare,
    open_list,
    open_page,
    pick,
    pressable,
    settled,
    wait_for_answers,
    wait_until_all_ended,
)
from tests.browser.served import FLAGS, ROOT, served

OUT = ROOT / "docs" / "screenshots"
WIDTH, HEIGHT = 1400, 900
BUDGET = "40MB"
"""So small that the toys fill a part of the bar that one can see."""
HEIGHT_OF_MOUNTAIN = "한라산의 높이는 얼마인가요?"
LAKE, CAPITAL = "백두산 꼭대기에 있는 호수는 무엇인가요?", "대한민국의 수도는 어디인가요?"
KING = "조선의 첫 번째 임금은 누구인가요?"
"""Its answer is long enough to differ in a few words only."""
_COLORS = 128


def main() -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    os.environ["NARANI_MEMORY_BUDGET"] = BUDGET
    expect.set_options(timeout=120_000)
    with (
        unwinding(),
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder)) as server,
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        light = opened(browser, server.address, "light")
        compare(light)
        take(light, "compare")
        models(light, server.address)
        take(light, "models")
        search(light, server.address)
        take(light, "search")
        training(light, server.address)
        take(light, "training")
        dark = opened(browser, server.address, "dark")
        difference(dark)
        take(dark, "compare-dark")
        browser.close()
    return 0


def opened(browser: Browser, address: str, scheme: Literal["light", "dark"]) -> Page:
    """A page on which one question was answered: the figures of the next one hold no start of the engine."""
    context = browser.new_context(
        locale="ko-KR",
        timezone_id="Asia/Seoul",
        color_scheme=scheme,
        viewport={"width": WIDTH, "height": HEIGHT},
    )
    page = open_compare(context.new_page(), address)
    ask(page, LAKE)
    wait_until_all_ended(page)
    begin_anew(page)
    return page


def compare(page: Page) -> None:
    """Four answers, and how fast and how long they were."""
    ask(page, CAPITAL)
    wait_until_all_ended(page)
    page.get_by_text(KO.answer["charts"], exact=True).click()
    expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible()


def difference(page: Page) -> None:
    """The adapter that answers friends, beside the model below it, word for word."""
    pick(page, "demo-kullm", "demo-kullm-banmal", "demo-chat")
    ask(page, KING)
    wait_until_all_ended(page)
    pressable(columns(page).first, "baseline").click()
    expect(columns(page).first.get_by_text(KO.answer["baseline"], exact=True)).to_be_visible()


def models(page: Page, address: str) -> None:
    open_page(page, address, "models")
    expect(page.get_by_text(KO.memory["load_title"])).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible()


def search(page: Page, address: str) -> None:
    """Extracts beside a model over the same sources, and the passage behind a citation."""
    page.goto(f"{address}/search")
    expect(box(page)).to_be_enabled()
    settled(page)
    open_list(page, "search")
    page.locator(".st-key-search_pick_demo-chat label").click()
    expect(page.locator(".st-key-search_remove_demo-chat")).to_be_visible()
    close_list(page)
    box(page).fill(HEIGHT_OF_MOUNTAIN)
    box(page).press("Enter")
    page.wait_for_url("**run=**")
    wait_for_answers(page, 2)
    columns(page).locator(".nr-cite button").first.click()
    expect(page.locator(".nr-passage:popover-open")).to_be_visible()


def training(page: Page, address: str) -> None:
    """A toy that learns by a reward, near its end: the reward rises, and how many answers are exact."""
    open_page(page, address, "training")
    one(page.locator(".st-key-training_kind_ppo").get_by_role("button")).click()
    one(page.get_by_text(KO.kinds["about_ppo"]))
    page.get_by_role("combobox", name=KO.training["base"]).fill("Demo: KoAlpaca")
    one(page.get_by_role("option", name="Demo: KoAlpaca format (toy)")).click()
    start = one(page.get_by_role("button", name=KO.training["start"]))
    expect(start).to_be_enabled()
    start.click()
    page.wait_for_url("**training=**")
    reached = re.compile(re.escape(KO.training["step_of"].partition("{step")[0].format(total=24)) + r"2\d")
    one(page.get_by_text(reached), 300_000)


def take(page: Page, name: str) -> None:
    page.mouse.move(WIDTH - 1, HEIGHT - 1)
    expect(page.get_by_role("tooltip")).to_have_count(0)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    for place in ("stSidebarContent", "stAppScrollToBottomContainer"):
        for scrolled in page.get_by_test_id(place).all():
            scrolled.evaluate("scrolled => scrolled.scrollTo(0, 0)")
    page.wait_for_timeout(500)  # what fades or moves has come to rest
    path = OUT / f"{name}.png"
    page.screenshot(path=path)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(_COLORS).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    run(main)
