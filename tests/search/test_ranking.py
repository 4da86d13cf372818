"""Ranking in memory against BM25 computed by hand, and the joining of rankings.

Run: python -m pytest tests/search/test_ranking.py
"""

from __future__ import annotations

import math

import pytest

from search.ranking import fused, rank, scores, spread

PASSAGES = [
    "한국은행은 기준금리를 연 3.5퍼센트로 동결했다고 밝혔다.",
    "제주도의 감귤은 겨울에 수확한다.",
    "도서관은 매주 월요일에 쉰다.",
    "은행나무는 가을에 노랗게 물든다.",
]


def test_scores_are_bm25_as_the_formula_has_it() -> None:
    texts = [["가", "나", "가"], ["나"], ["다", "다"]]
    mean, rarity = 2.0, math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    expected = rarity * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 3 / mean))
    assert scores(["가"], texts) == pytest.approx([expected, 0.0, 0.0])


def test_a_term_asked_twice_counts_once_and_one_that_is_nowhere_counts_nothing() -> None:
    texts = [["가"], ["나"]]
    assert scores(["가", "가", "라"], texts) == scores(["가"], texts)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("기준금리가 어떻게 되나요?", 0),
        ("귤은 언제 따지? 감귤", 1),
        ("도서관 쉬는 날", 2),
        ("금리", 0),
        ("준금", 0),
    ],
)
def test_the_passage_that_is_meant_comes_first(query: str, first: int) -> None:
    assert rank(query, PASSAGES, 2)[0] == first


@pytest.mark.parametrize("query", ["", "?!", "우주왕복선 펭귄"])
def test_what_shares_no_term_is_not_found(query: str) -> None:
    assert rank(query, PASSAGES, 5) == []


def test_nothing_is_ranked_where_there_is_nothing() -> None:
    assert rank("금리", [], 5) == []
    assert rank("금리", [""], 5) == []


def test_what_stands_high_in_several_rankings_comes_first() -> None:
    assert fused([["a", "b", "c"], ["d", "b"]]) == ["b", "a", "d", "c"]
    assert fused([["a", "b", "c"], ["d", "b"]], limit=1) == ["b"]
    assert fused([]) == []


def test_the_first_passages_are_of_several_documents_where_there_are_several() -> None:
    ranked = [(1, "a"), (1, "b"), (1, "c"), (2, "d"), (1, "e"), (3, "f"), (2, "g"), (2, "h")]

    def first(limit: int) -> str:
        return "".join(name for _, name in spread(ranked, lambda passage: passage[0], limit))

    assert (first(4), first(6), first(8)) == ("abdf", "abdfgc", "abdfgceh")
    assert spread(ranked[:3], lambda passage: passage[0], 2) == ranked[:2]
