"""An answer and its difference from a baseline, drawn without a browser in each state they have.

Run: python -m pytest tests/app/test_answer_components.py
"""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Element


def answer(text: str) -> None:
    from dashboard.components.answer_text import answer_text
    from dashboard.words import words

    answer_text(text, words())


def difference(baseline: str, other: str) -> None:
    from dashboard.components.word_difference import word_difference
    from dashboard.words import words

    word_difference(baseline, other, words())


def drawn(page: AppTest) -> list[tuple[str, str]]:
    page.run()
    assert not page.exception
    elements = [element for element in page.main if isinstance(element, Element)]
    return [(element.type, str(element.value)) for element in elements]


ANSWERS = [
    ("", [("caption", "답에 글자가 없습니다.")]),
    ("\n\n \n", [("caption", "답이 빈칸과 줄바꿈뿐입니다.")]),
    ("가\n나", [("markdown", "가\\\n나")]),
    ("가\n```py\nx = 1\n```\n나", [("markdown", "가"), ("code", "x = 1"), ("markdown", "나")]),
    ("> " * 50 + "끝", [("text", "> " * 50 + "끝")]),
]


@pytest.mark.parametrize(("text", "expected"), ANSWERS)
def test_an_answer_in_each_of_its_forms(text: str, expected: list[tuple[str, str]]) -> None:
    assert drawn(AppTest.from_function(answer, args=(text,))) == expected


LEGEND = ":red-background[~~기준에만 있는 말~~] · :green-background[**이 답에만 있는 말**] · 같은 낱말 "
DIFFERENCES = [
    ("가", "가", [("caption", "기준 답과 같습니다."), ("markdown", "가")]),
    (
        "수도는 서울.",
        "수도는 부산.",
        [
            ("caption", f"{LEGEND}50%"),
            ("markdown", "수도는 :red-background[~~서울~~]:green-background[**부산**]\\."),
        ],
    ),
    (
        "가 나",
        "가\n나",
        [
            ("caption", "띄어쓰기와 줄바꿈만 기준 답과 다릅니다."),
            ("markdown", "가:red-background[~~␣~~]:green-background[**↵**]\\\n나"),
        ],
    ),
    (
        " ".join(f"가{n} 나{n}" for n in range(1100)),
        " ".join(f"가{n} 다{n}" for n in range(1100)),
        [("caption", "기준 답과 다른 곳이 너무 많아 답만 보여 드립니다."), ("text", None)],
    ),
]


@pytest.mark.parametrize(
    ("baseline", "other", "expected"), DIFFERENCES, ids=["same", "words", "spaces", "all"]
)
def test_a_difference_in_each_of_its_forms(
    baseline: str, other: str, expected: list[tuple[str, str | None]]
) -> None:
    found = drawn(AppTest.from_function(difference, args=(baseline, other)))
    assert found == [(kind, other if text is None else text) for kind, text in expected]
