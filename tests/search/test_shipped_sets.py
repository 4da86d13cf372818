"""The Korean documents that ship, and the questions asked of them, are fit to measure a search on.

Run: python -m pytest tests/search/test_shipped_sets.py
"""

from __future__ import annotations

import json
from functools import cache
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
UNANSWERABLE = _rows("unanswerable.jsonl")
WORDS = (SETS / "two_syllable_words.txt").read_text(encoding="utf-8").split()


def _nouns(text: str) -> frozenset[str]:
    """Those of one syllable say too little to tell texts apart."""
    return frozenset(noun for noun in nouns(text) if len(noun) > 1)


@cache
def _page_nouns(page: str) -> frozenset[str]:
    return _nouns(PAGES[page])


def _shared_nouns(row: dict[str, Any]) -> set[str]:
    """Nouns that the question and its pages share; those that name the subject do not count."""
    named = (*row["documents"], NAMED_EVERYWHERE)
    asked = {noun for noun in _nouns(row["question"]) if not any(noun in name for name in named)}
    return asked & {noun for page in row["documents"] for noun in _page_nouns(page)}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_titled_by_its_name_and_of_a_readable_length(name: str) -> None:
    text = PAGES[name]
    assert name.endswith(".md")
    assert text.startswith(f"# {name.removesuffix('.md')}\n\n")
    assert text.endswith("\n") and not text.endswith("\n\n")
    assert 700 <= len(text) <= 1500
    assert normalized(name) == name and normalized(text) == text
    assert not {"\r", "\t", "\ufffd"} & set(text)


def test_the_sets_are_as_large_as_figures_need() -> None:
    assert 60 <= len(PAGES) <= 64
    assert len(QUESTIONS) >= 130
    assert sum(row["phrasing"] == "other" for row in QUESTIONS) * 3 >= len(QUESTIONS)
    assert len(UNANSWERABLE) == 50
    assert sum(bool(row["near"]) for row in UNANSWERABLE) == 25
    assert sum(row.get("gate", False) for row in UNANSWERABLE) >= 20
    assert len(WORDS) == len(set(WORDS)) == 200


def test_every_page_is_asked_about() -> None:
    assert {page for row in QUESTIONS for page in row["documents"]} == set(PAGES)


def test_no_question_stands_twice_in_either_file() -> None:
    asked = [row["question"] for row in (*QUESTIONS, *UNANSWERABLE)]
    assert len(set(asked)) == len(asked)
    assert [question for question in asked if normalized(question) != question] == []


def test_the_answer_to_a_question_stands_literally_in_its_page() -> None:
    for row in QUESTIONS:
        assert set(row) == {"question", "documents", "answer", "phrasing"}
        assert row["phrasing"] in {"same", "other"}
        assert row["answer"] and any(row["answer"] in PAGES[page] for page in row["documents"]), row


def test_a_question_in_other_words_shares_no_noun_with_its_page_but_the_subject() -> None:
    others = [row for row in QUESTIONS if row["phrasing"] == "other"]
    assert {row["question"]: shared for row in others if (shared := _shared_nouns(row))} == {}


def test_no_page_speaks_of_all_that_an_unanswerable_question_is_about() -> None:
    for row in UNANSWERABLE:
        assert set(row) - {"gate"} == {"question", "near"}
        assert not row["near"] or row["near"] in PAGES
        asked = _nouns(row["question"])
        assert asked and not any(asked <= _page_nouns(page) for page in PAGES), row


def test_every_word_of_two_syllables_stands_in_a_page() -> None:
    together = "\n".join(PAGES.values())
    assert [word for word in WORDS if len(word) != 2 or word not in together] == []
