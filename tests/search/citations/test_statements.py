"""An answer falls into sentences with the sources each names, wherever a model puts its marks.

Run: python -m pytest tests/search/citations/test_statements.py
"""

from __future__ import annotations

import pytest

from search.citations.statements import statements


def cited(text: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(each.text, each.citations) for each in statements(text)]


def test_a_mark_within_or_behind_a_sentence_belongs_to_it() -> None:
    assert cited("한라산은 높다[1]. 제주도에 있다.[2] 눈이 온다. [3] 한라산[1]은 1.9km[4]이다.") == [
        ("한라산은 높다[1].", (1,)),
        ("제주도에 있다.[2]", (2,)),
        ("눈이 온다. [3]", (3,)),
        ("한라산[1]은 1.9km[4]이다.", (1, 4)),
    ]


def test_marks_before_their_sentences_belong_to_what_follows() -> None:
    assert cited("[1] 한라산은 높다. [2] 백두산은 더 높다.") == [
        ("[1] 한라산은 높다.", (1,)),
        ("[2] 백두산은 더 높다.", (2,)),
    ]


def test_marks_on_a_line_of_their_own_belong_to_what_above_has_none() -> None:
    found = cited("한라산은 높다[1]. 제주도에 있다.\n\n백두산은 더 높다.\n출처: [2], [3]")
    assert found == [
        ("한라산은 높다[1].", (1,)),
        ("제주도에 있다.", ()),
        ("백두산은 더 높다.", (2, 3)),
        ("출처: [2], [3]", (2, 3)),
    ]


def test_each_item_of_a_list_is_a_sentence() -> None:
    assert cited("- 한라산은 높다 [1]\n* 백두산은 더 높다\n3. 지리산도 높다[2]") == [
        ("한라산은 높다 [1]", (1,)),
        ("백두산은 더 높다", ()),
        ("지리산도 높다[2]", (2,)),
    ]


def test_each_row_of_a_table_is_a_sentence_and_its_head_states_nothing() -> None:
    found = statements("| 산 | 높이 |\n|---|---|\n| 한라산 | 1,947m [1] |\n| 백두산 | 2,744m |")
    assert [(each.plain.split(), each.citations, each.states) for each in found] == [
        (["산", "높이"], (), False),
        (["한라산", "1,947m"], (1,), True),
        (["백두산", "2,744m"], (), True),
    ]


@pytest.mark.parametrize("fence", ["```", "~~~", "````"])
def test_code_cites_nothing_and_states_nothing(fence: str) -> None:
    found = statements(f"높다[1].\n{fence}python\na[2] = 1\n\nb[3]\n{fence}\n낮다[4].")
    assert [(each.citations, each.states) for each in found] == [((1,), True), ((), False), ((4,), True)]


def test_code_that_does_not_end_is_code_to_the_end() -> None:
    assert [each.states for each in statements("```\na[1]\n낮다[4].")] == [False]


@pytest.mark.parametrize(
    "text",
    [
        "## 한라산",
        "안녕하세요!",
        "몇 미터인가요?",
        "다음과 같습니다:",
        "한라산의 특징은 다음과 같습니다.",
        "출처:",
        "도움이 되셨기를 바랍니다.",
        "---",
        "Sure! ",
        "...",
    ],
)
def test_what_states_nothing_is_known(text: str) -> None:
    assert not any(each.states for each in statements(text))


@pytest.mark.parametrize(
    "text",
    [
        "네덜란드는 낮은 나라이다.",
        "네, 1,947m입니다.",
        "물론 한라산은 섬에 있다.",
        "**높이**: 1,947m",
        "한라산",
    ],
)
def test_what_states_something_is_not_taken_for_a_greeting(text: str) -> None:
    assert all(each.states for each in statements(text))


def test_links_behind_marks_are_no_part_of_the_sentence_that_is_compared() -> None:
    (found,) = statements("한라산은 높다[1](https://a.kr/b_(c)).")
    assert found.plain == "한라산은 높다." and found.text == "한라산은 높다[1](https://a.kr/b_(c))."


def test_every_sentence_stands_in_the_answer_as_it_is_and_in_its_order() -> None:
    answer = (
        "# 산\n\n한라산은 **높다**[1].  [2]\n> 인용이다 [1]\n- 하나[1]; 둘\n| 가 | 나[1] |\n[3]\n끝났다 [1"
    )
    at = 0
    for each in statements(answer):
        at = answer.index(each.text, at) + len(each.text)
    assert statements("") == statements(" \n\n") == []
