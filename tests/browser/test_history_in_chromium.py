"""Looking back in Chromium: a word of two syllables finds its question, and the CSV opens in pandas.

Run: python -m pytest tests/browser/test_history_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

import codecs
from pathlib import Path

import pandas as pd
from playwright.sync_api import Page

from tests.browser.at_the_page import (
    KO,
    MODELS,
    ask,
    begin_anew,
    choose_export,
    downloaded,
    known_answers,
    one,
    open_compare,
    open_page,
    wait_until_all_ended,
)
from tests.browser.expecting import expect

MOUNTAIN, LAKE = "남한에서 가장 높은 산은 무엇인가요?", "백두산 꼭대기에 있는 호수는 무엇인가요?"
WORDS = {"산은": [MOUNTAIN], "천지": [LAKE], "무엇": [LAKE, MOUNTAIN], "없말": []}
"""Of a question, of answers alone, of both, of none."""


def test_words_of_two_syllables_are_found_and_the_csv_is_whole(
    page: Page, address: str, tmp_path: Path
) -> None:
    open_compare(page, address)
    for question in (MOUNTAIN, LAKE):
        ask(page, question)
        wait_until_all_ended(page)
        begin_anew(page)
    open_page(page, address, "history")
    lines = page.locator('[class*="st-key-history_run_"] [data-testid="stText"]')
    expect(lines).to_have_count(2)
    search = page.get_by_label(KO.history["search"], exact=True)
    for word, questions in WORDS.items():
        search.fill(word)
        search.press("Enter")
        expect(lines).to_have_text(questions)
    one(page.get_by_text(KO.history["none_found"]))
    search.fill("")
    search.press("Enter")
    expect(lines).to_have_text([LAKE, MOUNTAIN])
    for tick in range(2):
        page.locator('[class*="st-key-history_tick_"] label').nth(tick).click()
        one(page.get_by_role("main").get_by_text(f"{tick + 1}개 선택함"))
    check_wide(exported(page, "wide", tmp_path))
    check_long(exported(page, "long", tmp_path))


def exported(page: Page, kind: str, folder: Path) -> Path:
    choose_export(page, kind)
    one(page.get_by_text(KO.export[f"about_{kind}"]))
    path = downloaded(page, folder)
    assert path.suffix == ".csv" and path.read_bytes().startswith(codecs.BOM_UTF8)
    return path


def check_wide(path: Path) -> None:
    table = pd.read_csv(path).set_index("question")
    assert set(table.index) == {MOUNTAIN, LAKE}
    for question in (MOUNTAIN, LAKE):
        answers = [table.at[question, model] for model in MODELS]
        assert answers == [*known_answers(question)] * 4


def check_long(path: Path) -> None:
    table = pd.read_csv(path)
    assert len(table) == 8 and set(table["model"]) == set(MODELS)
    for question, answers in table.groupby("question"):
        assert set(answers["text"]) == {*known_answers(str(question))}
    assert (table["tokens_out"] > 0).all() and (table["finish_reason"] == "eos").all()
