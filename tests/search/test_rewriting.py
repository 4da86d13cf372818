"""Queries: a question that stands by itself stays, one that goes on takes the nouns it goes on from.

Run: python -m pytest tests/search/test_rewriting.py
"""

from __future__ import annotations

from unicodedata import normalize

import pytest

from search.rewriting import queries_for


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("한라산 높이가 얼마나 돼?", "한라산 높이가 얼마나 돼?"),
        ("  한라산\n높이는?  ", "한라산 높이는?"),
        ("경주 황리단길 맛집 검색해줘", "경주 황리단길 맛집"),
        ("훈민정음 해례본 소장처 좀 찾아봐", "훈민정음 해례본 소장처"),
        ("대동법이 뭔지 쉽게 알려 주세요!", "대동법이 뭔지"),
        ("검색해줘", "검색해줘"),
        ("C++ & C# 차이", "C++ & C# 차이"),
        (normalize("NFD", "한라산"), "한라산"),
        ("한라산", "한라산"),
    ],
)
def test_a_question_of_its_own_stays_but_for_the_asking(question: str, query: str) -> None:
    assert queries_for(question) == (query,)
    assert queries_for("한라산 높이는 얼마인가요?", ("경복궁은 몇 시에 열어?",)) == (
        "한라산 높이는 얼마인가요?",
    )


@pytest.mark.parametrize(
    ("question", "earlier", "query"),
    [
        ("거기 입장료는 얼마야?", ("경복궁은 몇 시에 열어?",), "경복궁 입장료는 얼마야?"),
        ("그 사람 대표작은?", ("윤동주는 어떤 시인이야?",), "윤동주 시인 대표작은?"),
        ("그건 누가 만들었는데", ("측우기가 뭐야?",), "측우기 누가 만들었는데"),
        ("높이는?", ("지리산은 어디에 있나요?",), "지리산 높이는?"),
        ("그럼 언제 완공됐어요?", ("수원화성은 누가 지었어요?",), "수원 화성 언제 완공됐어요?"),
        ("그 사람이 경복궁을 지었어?", ("정도전은 누구야?",), "정도전 경복궁을 지었어?"),
        ("고마워, 그럼 부산은?", ("서울 날씨 알려줘",), "날씨 부산은?"),
        ("주차는?", ("경복궁은 몇 시에 열어?", "거기 입장료는?"), "경복궁 입장료 주차는?"),
        ("경복궁 입장료는?", ("창덕궁 입장료는?",), "경복궁 입장료는?"),
        ("그럼 그곳은?", ("안녕?",), "그럼 그곳은?"),
    ],
)
def test_a_question_that_goes_on_takes_the_nouns_of_those_before(
    question: str, earlier: tuple[str, ...], query: str
) -> None:
    assert queries_for(question, earlier) == (query,)


def test_a_conversation_is_not_followed_back_without_end() -> None:
    earlier = ("한라산은 어디야?", "그곳 나무는?", "그곳 새는?", "그곳 꽃은?", "그곳 물은?")
    assert "한라산" not in queries_for("그곳 바람은?", earlier)[0]
    assert "한라산" in queries_for("그곳 바람은?", earlier[:3])[0]


@pytest.mark.parametrize(
    "long", ["한라산의 높이와 " * 40, "가" * 500, "abc " * 20_000, "[" * 100_000, "그 산 " * 30_000]
)
def test_a_query_is_short_and_ends_between_words(long: str) -> None:
    (query,) = queries_for(long, ("경복궁은 몇 시에 열어?",))
    assert 0 < len(query) <= 100
    assert "한라산의" not in long or query.split() == ["한라산", "높이"]


@pytest.mark.parametrize("empty", ["", "   ", "\n"])
def test_nothing_is_searched_for_nothing(empty: str) -> None:
    assert queries_for(empty, ("한라산 높이는?",)) == ()
