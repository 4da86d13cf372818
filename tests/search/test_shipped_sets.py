"""The Korean documents that ship, and the questions asked of them, are fit to measure a search on.

Run: python -m pytest tests/search/test_shipped_sets.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import search
from search.words import normalized, nouns

SETS = Path(search.__file__).parent / "sets"
PAGES = {page.name: page.read_text(encoding="utf-8") for page in sorted((SETS / "documents").iterdir())}
NAMED_EVERYWHERE = "나란히상사"
"""The made-up company; a question has to name it, or it would be a question about any company."""


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SETS / name).read_text(encoding="utf-8").splitlines()]


QUESTIONS = _rows("questions.jsonl")


def _shared_nouns(row: dict[str, Any]) -> set[str]:
    """Nouns that question and pages share; the subject and nouns of one syllable do not count."""
    named = (*row["documents"], NAMED_EVERYWHERE)
    asked = {
        noun for noun in nouns(row["question"]) if len(noun) > 1 and not any(noun in name for name in named)
    }
    return asked & {noun for page in row["documents"] for noun in nouns(PAGES[page])}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_titled_by_its_name_and_of_a_readable_length(name: str) -> None:
    text = PAGES[name]
    assert name.endswith(".md")
    assert text.startswith(f"# {name.removesuffix('.md')}\n\n")
    assert text.endswith("\n") and not text.endswith("\n\n")
    assert 700 <= len(text) <= 1500
    assert normalized(name) == name and normalized(text) == text
    assert "\r" not in text and "\t" not in text and "�" not in text


def test_questions_are_unique_and_their_answers_stand_in_their_pages() -> None:
    asked = [row["question"] for row in QUESTIONS]
    assert len(set(asked)) == len(asked)
    for row in QUESTIONS:
        assert set(row) == {"question", "documents", "answer", "phrasing"}
        assert row["phrasing"] in {"same", "other"}
        assert row["documents"]
        assert any(row["answer"] in PAGES[page] for page in row["documents"]), row
        assert normalized(row["question"]) == row["question"]


def test_a_question_in_other_words_shares_no_noun_with_its_page_but_the_subject() -> None:
    others = [row for row in QUESTIONS if row["phrasing"] == "other"]
    assert {row["question"]: shared for row in others if (shared := _shared_nouns(row))} == {}
