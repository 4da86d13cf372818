"""An answer against what was expected: length, the same text, a text in it, JSON.

Run: python -m pytest tests/judging/test_answer_checks.py
"""

from __future__ import annotations

import unicodedata

import pytest

from judging.measures.answers import contains, is_exact, is_json, is_near, length


@pytest.mark.parametrize(
    ("text", "exact", "near", "inside"),
    [
        ("한라산이에요.", True, True, True),
        (" 한라산이에요.\n", True, True, True),
        (unicodedata.normalize("NFD", "한라산이에요."), True, True, True),
        ("한라산 이에요!", False, True, False),
        ("제주도의 한라산이에요. 높아요.", False, False, True),
        ("백두산이에요.", False, False, False),
        ("", False, False, False),
    ],
)
def test_an_answer_against_the_expected_one(text: str, exact: bool, near: bool, inside: bool) -> None:
    expected = "한라산이에요."
    found = is_exact(text, expected), is_near(text, expected), contains(text, expected)
    assert found == (exact, near, inside)


@pytest.mark.parametrize(
    ("text", "expected", "inside"),
    [
        ("13개입니다.", "3", False),
        ("3.5입니다.", "3", False),
        ("3개입니다.", "3", True),
        ("답은 3.", "3", True),
        ("1,000원", "000", False),
        ("정답은 SEOUL", "seoul", True),
        ("두  칸\n띄움", "두 칸 띄움", True),
        ("무엇이든", "", False),
        ("a.c", "a.c", True),
        ("abc", "a.c", False),
    ],
)
def test_a_text_in_another(text: str, expected: str, inside: bool) -> None:
    assert contains(text, expected) is inside
    assert is_near("!", "?") is False


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ('{"a": [1, 2]}', True),
        (" [] \n", True),
        ('```json\n{"a": 1}\n```', True),
        ("```\n[1]\n```", True),
        ("3", False),
        ('"글"', False),
        ("null", False),
        ('{"a": NaN}', False),
        ("[Infinity]", False),
        ("{'a': 1}", False),
        ('{"a": 1} 입니다', False),
        ('설명:\n```json\n{"a": 1}\n```', False),
        ("", False),
        ("[" * 200_000, False),
    ],
)
def test_json_is_an_object_or_a_list_and_nothing_else(text: str, valid: bool) -> None:
    assert is_json(text) is valid


def test_length_is_in_composed_characters() -> None:
    assert length(unicodedata.normalize("NFD", " 한글 글자\n")) == 5
