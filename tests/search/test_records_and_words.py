"""What was searched survives JSON, and Korean text becomes the words it is searched by.

Run: python -m pytest tests/search/test_records_and_words.py
"""

from __future__ import annotations

import json

import pytest

from errors import Cause
from search.records import ROOM, Searched, SearchSource, searched_of
from search.words import bigrams, content_words, nouns, sentences

SEARCHED = Searched(
    "한라산은 얼마나 높나요?",
    searched=True,
    why=Cause("search-always"),
    provider="documents",
    queries=("한라산 높이",),
    sources=(SearchSource(1, "한라산", "산/한라산.md", "산", "2026-01-01", "한라산은 1,947미터이다.", 3),),
    problems=(Cause("search-page-late", site="느린 곳"),),
    at="2026-11-26T00:00:00+00:00",
)


def test_what_was_searched_survives_json() -> None:
    written = json.loads(json.dumps({ROOM: SEARCHED.as_json()}, ensure_ascii=False))
    assert searched_of(written) == SEARCHED
    written[ROOM]["sources"][0]["color"] = "of a newer Narani"
    assert searched_of(written) == SEARCHED
    assert searched_of({}) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("한국은행은 금리를 내렸다.", ["한국은행", "금리", "내리"]),
        ("GPU 24GB에서 돌아가나요?", ["gpu", "24", "gb", "돌아가"]),
        ("", []),
    ],
)
def test_a_text_is_searched_by_its_content_words(text: str, words: list[str]) -> None:
    assert content_words(text) == words


def test_hangul_of_a_mac_is_the_same_text() -> None:
    apart = "\u1112\u1161\u11ab\u1100\u1173\u11af"
    assert bigrams(apart) == ["한글"] and nouns(apart) == nouns("한글")


def test_a_citation_stays_with_its_sentence() -> None:
    text = "한라산은 제주도에 있다[1]. 높이는 1,947미터이다[1][2]. 맑은 날에 보인다."
    assert sentences(text) == [
        "한라산은 제주도에 있다[1].",
        "높이는 1,947미터이다[1][2].",
        "맑은 날에 보인다.",
    ]
