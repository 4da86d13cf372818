"""Many questions in Chromium: the browser is closed midway, all is found finished; a huge file is refused.

Run: python -m pytest tests/browser/test_batch_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.at_the_page import KO, one, open_compare, open_page
from tests.browser.conftest import SCREENSHOTS, NewPerson
from tests.browser.expecting import expect
from tests.browser.served import ROOT, Served

COOKIE = "narani_owner"
COUNT, ANSWERS = 30, 120
_WAIT = 120.0


def known_questions() -> list[str]:
    path = Path(ROOT, "model_registry/demo/questions.jsonl")
    rows = [json.loads(line)["turns"][0] for line in path.read_text(encoding="utf-8").splitlines()]
    return [row["question"] for row in rows if not row["input"]][:COUNT]


def stored(server: Served, batch: str) -> int:
    """Answers of a batch that are on disk and done, read past the dashboard."""
    with closing(sqlite3.connect(f"file:{server.home / 'narani.db'}?mode=ro", uri=True)) as database:
        (count,) = database.execute(
            "SELECT count(*) FROM answers JOIN runs ON answers.run = runs.number"
            " WHERE runs.batch = ? AND answers.state = 'done'",
            (batch,),
        ).fetchone()
        return int(count)


def begin(page: Page, address: str) -> str:
    open_page(page, address, "batch")
    one(page.get_by_test_id("stButtonGroup").get_by_text(KO.batch["source_lines"])).click()
    lines = page.get_by_label(KO.batch["lines"])
    lines.fill("\n".join(known_questions()))
    lines.press("Control+Enter")
    start = page.get_by_role("button", name=KO.batch["start"])
    one(page.get_by_text(f"= 답 {ANSWERS}개"))
    start.click()
    page.wait_for_url("**batch=**")
    return page.url.rsplit("batch=", 1)[1]


def test_a_batch_goes_on_with_the_browser_closed(
    new_person: NewPerson, address: str, demo_server: Served
) -> None:
    person = new_person()
    page = person.new_page()
    batch = begin(page, address)
    one(page.get_by_text(KO.batch["may_leave"]))
    (key,) = [cookie["value"] for cookie in person.cookies() if cookie["name"] == COOKIE]
    person.close()
    at_close = stored(demo_server, batch)
    assert at_close < ANSWERS, "closed too late to prove anything"
    until = time.monotonic() + _WAIT
    while stored(demo_server, batch) < ANSWERS:
        assert time.monotonic() < until, stored(demo_server, batch)
        time.sleep(0.1)
    tomorrow = new_person()
    tomorrow.add_cookies([{"name": COOKIE, "value": key, "url": address}])
    page = tomorrow.new_page()
    page.goto(f"{address}/batch?batch={batch}")
    done = KO.batch["done_of"].format(wanted=ANSWERS, done=ANSWERS, percent=100)
    one(page.get_by_text(done))
    expect(page.get_by_role("button", name=KO.batch["stop"])).to_have_count(0)
    one(page.get_by_test_id("stButtonGroup").get_by_text(KO.batch["view_heatmap"])).click()
    expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible()
    open_page(page, address, "history")
    one(page.get_by_role("main").get_by_text(known_questions()[-1], exact=True))


def test_the_answers_so_far_grow_by_themselves_and_each_model_has_its_own_line(
    page: Page, scripted: str
) -> None:
    open_page(page, scripted, "batch")
    one(page.get_by_test_id("stButtonGroup").get_by_text(KO.batch["source_lines"])).click()
    lines = page.get_by_label(KO.batch["lines"])
    lines.fill("\n".join(f"{number}째 물음, {8 * number}개" for number in range(1, 21)))
    lines.press("Control+Enter")
    one(page.get_by_text("= 답 80개"))
    one(page.get_by_role("button", name=KO.batch["start"])).click()
    page.wait_for_url("**batch=**")
    bars = page.get_by_test_id("stProgress")
    expect(bars).to_have_count(5)
    so_far = page.get_by_text(re.compile(r"지금까지 답변 \d+개"))
    seen = [_number(one(so_far).inner_text())]
    while len(seen) < 3:
        expect(so_far).not_to_have_text(f"지금까지 답변 {seen[-1]}개")
        seen.append(_number(one(so_far).inner_text()))
    assert seen == sorted(set(seen)), "more and more, and nobody pressed anything"
    page.screenshot(path=SCREENSHOTS / "batch-at-work.png", full_page=True)
    one(page.get_by_role("button", name=KO.batch["stop"])).click()
    one(page.get_by_role("button", name=KO.batch["go_on"]))
    expect(so_far).to_have_count(0)
    expect(page.get_by_test_id("stDataFrame")).to_have_count(2)


def _number(text: str) -> int:
    return int(re.findall(r"\d+", text)[0])


def test_a_file_that_is_too_big_is_refused_in_words(page: Page, address: str, tmp_path: Path) -> None:
    big = tmp_path / "big.csv"
    with big.open("wb") as file:
        file.truncate(300 * 2**20)
    open_page(open_compare(page, address), address, "batch")
    one(page.get_by_test_id("stButtonGroup").get_by_text(KO.batch["source_file"])).click()
    one(page.get_by_text(KO.batch["file_bigger"].format(limit=20)))
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(big)
    one(page.get_by_text("20.0MB or smaller"))
    one(page.get_by_text(KO.batch["file_bigger"].format(limit=20)))
    assert page.get_by_role("button", name=KO.batch["start"]).count() == 0
