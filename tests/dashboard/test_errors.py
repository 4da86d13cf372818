"""What a person reads when something went wrong: in their language, and a stranger's words kept plain.

Run: python -m pytest tests/dashboard/test_errors.py
"""

from __future__ import annotations

import re

import pytest

from dashboard.errors import explain, led_by, plainly
from dashboard.shared.safe_text import safe_text
from dashboard.texts import read_texts
from errors import AS_WRITTEN, BadRequest, Cause
from errors.stored import cause_of
from errors.wording import LANGUAGES, wordings
from tests.errors.raised_codes import categories

KOREAN, ENGLISH = read_texts("ko"), read_texts("en")
UNKNOWN = Cause(AS_WRITTEN, sentence="It rains in", category="no-room")


def test_every_category_has_a_korean_lead_of_its_own() -> None:
    leads = {category: KOREAN.errors[category] for category in set(categories().values())}
    assert len(leads) > 5 and "error" in leads
    for category, lead in leads.items():
        assert lead.endswith("."), category
        assert category == "error" or lead != leads["error"], category


def test_a_sentence_that_nobody_worded_stands_small_below_the_words_of_its_category() -> None:
    shown = explain(UNKNOWN, KOREAN)
    assert re.fullmatch(r"[가-힣].+\n\n:small\[It rains in\]", shown, re.DOTALL)
    assert explain(UNKNOWN, ENGLISH) == "It rains in"


def test_a_wording_needs_no_words_above_it() -> None:
    cause = BadRequest("empty-question").cause
    for texts in (KOREAN, ENGLISH):
        assert explain(cause, texts) == safe_text(wordings(texts.language)["empty-question"])


def test_a_sentence_stored_before_is_worded_too() -> None:
    stored = cause_of(wordings("en")["empty-question"])
    assert plainly(stored, KOREAN) == wordings("ko")["empty-question"]
    assert explain(stored, KOREAN) == safe_text(wordings("ko")["empty-question"])


def test_an_unknown_category_still_says_what_to_do() -> None:
    empty = Cause(AS_WRITTEN, sentence="", category="never-heard-of")
    assert explain(empty, KOREAN) == KOREAN.errors["error"]


@pytest.mark.parametrize("lead", ["", "아래를 보세요."])
def test_a_stranger_s_words_are_no_markup(lead: str) -> None:
    hostile = "]\n\n# T ![x](http://a/b.png) {y} **b** :red[x] <img src=x>"
    for cause in (Cause(AS_WRITTEN, sentence=hostile), Cause("upload-not-written", file=hostile, why="")):
        shown = led_by(lead, cause, KOREAN)
        detail = shown.removeprefix(f"{lead}\n\n:small[").removesuffix("]") if lead else shown
        assert safe_text("] # T ![x](http://a/b.png) {y} **b** :red[x] <img src=x>") in detail


def test_every_trouble_of_the_history_has_its_words() -> None:
    assert {texts.language for texts in (KOREAN, ENGLISH)} == set(LANGUAGES)
    for texts in (KOREAN, ENGLISH):
        for problem in ("full", "locked", "read-only", "home", "broken"):
            assert texts.errors[f"problem_{problem}"]
        assert "3" in texts.errors["unsaved"].format(count=3)
        assert "old.db" in texts.errors["set_aside"].format(name="old.db")
