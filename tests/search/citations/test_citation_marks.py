"""Citation marks are read however they are written, and nothing else is taken for one.

Run: python -m pytest tests/search/citations/test_citation_marks.py
"""

from __future__ import annotations

import pytest

from search.citations.marks import citation_marks


def numbers(text: str) -> list[tuple[int, ...]]:
    return [mark.numbers for mark in citation_marks(text)]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("높다[1].", [(1,)]),
        ("높다[1][3].", [(1,), (3,)]),
        ("높다 [1, 2].", [(1, 2)]),
        ("높다[1,2].", [(1, 2)]),
        ("높다[1-3].", [(1, 2, 3)]),
        ("높다[1~3].", [(1, 2, 3)]),
        ("높다[1, 3-5].", [(1, 3, 4, 5)]),
        ("높다［1］.", [(1,)]),
        ("높다［１，２］.", [(1, 2)]),
        ("높다【1】.", [(1,)]),
        ("높다【1†source】.", [(1,)]),
        ("높다[출처 1].", [(1,)]),
        ("높다[출처: 1, 2].", [(1, 2)]),
        ("높다[출처 1, 출처 2].", [(1, 2)]),
        ("It is high [Source 2].", [(2,)]),
        ("높다[^1].", [(1,)]),
        ("높다\\[1\\].", [(1,)]),
        ("높다[[1]](https://a.kr).", [(1,)]),
        ("높다[0].", [(0,)]),
        ("높다[12].", [(12,)]),
    ],
)
def test_a_mark_is_read_in_every_way_it_is_written(text: str, read: list[tuple[int, ...]]) -> None:
    assert numbers(text) == read


@pytest.mark.parametrize(
    "text", ["(1)", "[A]", "[2024년]", "[-1]", "`a[1]`", "[1", "1]", "[]", "[ ]", "[1월]"]
)
def test_what_is_no_citation_is_not_read_as_one(text: str) -> None:
    assert numbers(text) == []


def test_a_range_of_millions_names_its_two_ends() -> None:
    assert numbers("[1-999999999]") == [(1, 999999999)] and numbers("[9-7]") == [(9, 7)]


def test_a_mark_knows_where_it_stands() -> None:
    (mark,) = citation_marks("높다 [출처 1].")
    assert "높다 [출처 1]."[mark.start : mark.end] == "[출처 1]"
