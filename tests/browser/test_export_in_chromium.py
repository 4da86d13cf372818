"""Answers exported from beside them in Chromium, read back by pandas and as Markdown.

Run: python -m pytest tests/browser/test_export_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

import codecs
from pathlib import Path

import pandas as pd
from markdown_it import MarkdownIt
from playwright.sync_api import Page

from tests.browser.at_the_page import (
    KO,
    ask,
    choose_export,
    downloaded,
    one,
    open_compare,
    pick,
    wait_for_answers,
)
from tests.browser.scripted_server import FORMULA, FORMULA_ANSWER

MODELS = ("demo-koalpaca", "demo-kullm")
QUESTIONS = (f"=첫째, {FORMULA}", f'둘째 "{FORMULA}"')
ANSWER = "".join(FORMULA_ANSWER)


def test_this_question_and_the_conversation_come_out_whole(page: Page, scripted: str, tmp_path: Path) -> None:
    open_compare(page, scripted)
    pick(page, *MODELS)
    for question in QUESTIONS:
        ask(page, question)
        wait_for_answers(page, len(MODELS))
    one(page.get_by_text(KO.export["title"], exact=True)).click()
    wide = exported(page, "wide", tmp_path)
    assert list(wide["question"]) == [QUESTIONS[1]], "only this one"
    assert [wide.at[0, model] for model in MODELS] == [f"'{ANSWER}"] * 2, "no formula for a spreadsheet"
    choose_export(page, "scope_conversation")
    wide = exported(page, "wide", tmp_path)
    assert list(wide["question"]) == [f"'{QUESTIONS[0]}", QUESTIONS[1]]
    long = exported(page, "long", tmp_path)
    assert list(long["model"]) == [*MODELS] * 2 and set(long["text"]) == {f"'{ANSWER}"}
    assert list(long["turn"]) == [1, 1, 2, 2] and (long["tokens_out"] == len(FORMULA_ANSWER)).all()
    choose_export(page, "markdown")
    report = downloaded(page, tmp_path).read_text(encoding="utf-8")
    fences = [each.content for each in MarkdownIt("commonmark").parse(report) if each.type == "fence"]
    assert fences == [f"{text}\n" for question in QUESTIONS for text in (question, ANSWER, ANSWER)]


def exported(page: Page, kind: str, folder: Path) -> pd.DataFrame:
    choose_export(page, kind)
    path = downloaded(page, folder)
    assert path.name.startswith("narani-") and path.name.endswith(f"-{kind}.csv")
    assert path.read_bytes().startswith(codecs.BOM_UTF8)
    return pd.read_csv(path)
