"""Figures, dates and Latin names are the same however they are written, and others are others.

Run: python -m pytest tests/search/citations/test_figures.py
"""

from __future__ import annotations

import pytest

from search.citations.figures import FactsInText, facts_in


def stands(said: str, held: str) -> bool:
    one, other = facts_in(said), facts_in(held)
    return holds(one, other)


def holds(one: FactsInText, other: FactsInText) -> bool:
    return (
        all(map(other.figure_stands, one.figures))
        and all(map(other.date_stands, one.dates))
        and all(map(other.name_stands, one.names))
        and one.codes <= other.codes
    )


SAME = [
    ("1,947미터", "1947m"),
    ("천구백사십칠 미터", "1,947 m"),
    ("1.947km", "1,947미터"),
    ("3만 5천 명", "35,000명"),
    ("3만5천여 명", "3.5만 명"),
    ("오만 원", "50,000원"),
    ("1억 2천만 원", "1.2억 원"),
    ("2천5백만 톤", "25,000,000톤"),
    ("3조 원", "3,000,000,000,000원"),
    ("세 가지", "3개"),
    ("서른두 살", "32세"),
    ("열두 달", "12개월"),
    ("두 도시", "2개 도시"),
    ("50퍼센트", "50%"),
    ("3분의 1", "삼분의 일"),
    ("절반", "50%"),
    ("두 번째", "2위"),
    ("153.3㎢", "153.3제곱킬로미터"),
    ("12℃", "12도"),
    ("오후 9시 30분", "21:30"),
    ("오후 9시 반", "21시 30분"),
    ("9시", "오전 9시"),
    ("2024년 10월 11일", "2024-10-11"),
    ("2024. 10. 11.", "2024.10.11"),
    ("2024년 10월", "2024/10/11"),
    ("10월 11일", "2024년 10월 11일"),
    ("11일", "2024-10-11"),
    ("2024년 10월 11일", "2024년의 일이다. 10월 11일에 열렸다."),
    ("2020년", "2020~2024년"),
    ("2024년 10월 13일", "2024년 10월 11일부터 13일까지"),
    ("700와트", "0.7kW"),
    ("약 2천 미터", "1,947m"),
    ("약 2km", "1,947m"),
    ("약 933만 명", "933만 1,828명"),
    ("약 7개", "7개"),
    ("October 11, 2024", "2024년 10월 11일"),
    ("GPT-4", "gpt 4"),
    ("COVID-19", "covid19"),
    ("GPU", "GPUs"),
    ("02-123-4567", "전화 02-123-4567번"),
    ("버전 3.11.7", "3.11.7 버전"),
    ("길이:30m", "30미터"),
    ("끝났다.30명", "30명"),
    ("한 번", "한라산"),
    ("첫째, 둘 다", "한라산"),
    ("수백 명과 수십만 원", "한라산"),
    ("만일 만개하면 사천시", "한라산"),
]


@pytest.mark.parametrize(("said", "held"), SAME)
def test_the_same_figure_in_another_writing_stands(said: str, held: str) -> None:
    assert stands(said, held)


OTHER = [
    ("1,950미터", "1,947미터"),
    ("1,947미터", "1,947킬로미터"),
    ("1,947미터", "1,947명"),
    ("3만 명", "3천 명"),
    ("3만 5천 명", "3만 6천 명"),
    ("3만 5천 명", "3만 명, 5천 명"),
    ("30%", "30년"),
    ("2천 미터", "1,947m"),
    ("약 3천 미터", "1,947m"),
    ("약 1,940미터", "1,947m"),
    ("약 10명", "14명"),
    ("약 2천 미터", "1,947명"),
    ("약 2천 미터", "약 1,947km"),
    ("30%", "30%p"),
    ("3분의 1", "4분의 1"),
    ("세 가지", "네 가지"),
    ("서른두 살", "32개"),
    ("천구백사십팔 미터", "1947m"),
    ("1.5배", "15배"),
    ("오전 9시", "오후 9시"),
    ("21:30", "21:35"),
    ("밤 11시 30분", "새벽 5시 30분부터 밤 11시 50분까지"),
    ("9시", "9시 30분"),
    ("2024년 10월 11일", "2024년 10월 12일"),
    ("2024년 10월 11일", "2023년 10월 11일"),
    ("2024년 10월 11일", "2024년 11월 10일"),
    ("2024년 10월", "2024년"),
    ("1995년", "1994년"),
    ("1950년대", "1950년"),
    ("GPT-4", "GPT-3"),
    ("Apple이 만들었다", "Google이 만들었다"),
    ("AI", "MAINE"),
    ("비타민 C", "비타민 D"),
    ("5G", "4G"),
    ("02-123-4567", "02-123-4568"),
    ("12345678901234567890", "12345678901234567891"),
]


@pytest.mark.parametrize(("said", "held"), OTHER)
def test_another_figure_date_or_name_does_not_stand(said: str, held: str) -> None:
    assert not stands(said, held)


def test_words_of_an_english_sentence_are_no_names_but_its_names_are() -> None:
    assert facts_in("The height of Hallasan is 1,947 m on Jeju, says the GPU.").names == {
        "hallasan",
        "jeju",
        "gpu",
    }


def test_what_is_left_beside_facts_is_compared_as_words() -> None:
    assert facts_in("한라산은 천구백사십칠 미터이고 GPU는 2024년 3월 1일에 왔다").rest.split() == [
        "한라산은",
        "그것이고",
        "그것는",
        "그것에",
        "왔다",
    ]
