"""Every sentence of an answer is held against what it cites, and an answer of any shape is checked.

Run: python -m pytest tests/search/citations/test_citation_checking.py
"""

from __future__ import annotations

import pytest

from search.citations.checking import check_answer
from search.citations.verdicts import CheckedSentence, Reason, Verdict
from search.records import SearchSource

HALLA = SearchSource(
    1,
    "한라산",
    "산/한라산.md",
    "산",
    "2024-10-11",
    "한라산은 제주도에 있는 산으로, 높이는 1,947m이다. 1970년 3월 24일 국립공원으로 지정되었다. "
    "정상에는 백록담이 있다. 화산 활동으로 생긴 호수이다.",
)
BAEKDU = SearchSource(
    2,
    "백두산",
    "산/백두산.md",
    "산",
    "",
    "백두산은 높이가 2,744미터인 산이다. 정상에는 천지가 있으며 넓이는 9.17제곱킬로미터이다. "
    "겨울에는 천지까지 오를 수 없다. YTN이 2019년에 보도했다.",
)


def checked(text: str) -> CheckedSentence:
    (found,) = check_answer(text, (HALLA, BAEKDU))
    return found


@pytest.mark.parametrize(
    ("text", "verdict", "reason"),
    [
        ("한라산의 높이는 천구백사십칠 미터입니다[1].", Verdict.SUPPORTED, Reason.IN_SOURCE),
        ("한라산은 1970.3.24. 국립공원으로 지정되었다【1】", Verdict.SUPPORTED, Reason.IN_SOURCE),
        ("한라산은 1,947m, 백두산은 2,744m 높이의 산이다[1-2].", Verdict.SUPPORTED, Reason.IN_SOURCE),
        ("한라산 국립공원에 대한 2024년 10월 11일의 글이다[1].", Verdict.WEAK, Reason.FEW_WORDS),
        ("The peak of Everest is 1,947 m high [1].", Verdict.UNSUPPORTED, Reason.NAME_MISSING),
        ("It is 1,947 m high [1].", Verdict.WEAK, Reason.OTHER_LANGUAGE),
        ("한라산의 높이는 1,950m이다[1].", Verdict.UNSUPPORTED, Reason.FIGURE_MISSING),
        ("한라산은 1970년 3월 25일 국립공원으로 지정되었다[1].", Verdict.UNSUPPORTED, Reason.DATE_MISSING),
        ("KBS가 2019년에 백두산을 보도했다[2].", Verdict.UNSUPPORTED, Reason.NAME_MISSING),
        ("백두산의 높이는 2,744m이다[1].", Verdict.UNSUPPORTED, Reason.OTHER_SOURCE),
        ("한라산에는 노루와 곰이 많이 산다[1].", Verdict.UNSUPPORTED, Reason.WORDS_MISSING),
        ("겨울에는 천지까지 오를 수 있다[2].", Verdict.UNSUPPORTED, Reason.NEGATED),
        ("한라산 정상에는 백록담이 없다[1].", Verdict.UNSUPPORTED, Reason.NEGATED),
        ("한라산은 제주도에 있다[0].", Verdict.UNSUPPORTED, Reason.NO_SUCH_SOURCE),
        ("한라산은 제주도에 있다[3].", Verdict.UNSUPPORTED, Reason.NO_SUCH_SOURCE),
        ("한라산은 제주도에 있다[1][99].", Verdict.UNSUPPORTED, Reason.NO_SUCH_SOURCE),
        ("한라산은 제주도에 있다(1).", Verdict.UNCITED, Reason.NO_CITATION),
        ("한라산은 제주도에 있다.", Verdict.UNCITED, Reason.NO_CITATION),
        ("안녕하세요!", Verdict.UNCITED, Reason.STATES_NOTHING),
        ("[1] 한라산", Verdict.UNCITED, Reason.STATES_NOTHING),
        ("출처에서 찾지 못했습니다.", Verdict.UNCITED, Reason.ABSTAINS),
        ("관련 내용은 자료에 나와 있지 않습니다[1].", Verdict.UNCITED, Reason.ABSTAINS),
        ("The sources do not mention it.", Verdict.UNCITED, Reason.ABSTAINS),
        ("출처: [1], [7]", Verdict.UNSUPPORTED, Reason.NO_SUCH_SOURCE),
    ],
)
def test_a_sentence_is_held_against_what_it_cites(text: str, verdict: Verdict, reason: Reason) -> None:
    found = checked(text)
    assert (found.verdict, found.reason) == (verdict, reason)


def test_only_what_states_something_is_counted() -> None:
    assert [checked(text).states for text in ("몇 미터인가요?", "답은 없습니다.", "한라산은 높다.")] == [
        False,
        False,
        True,
    ]


def test_without_sources_every_citation_is_one_of_nothing() -> None:
    found = check_answer("한라산은 높다[1]. 낮다.", ())
    assert [each.reason for each in found] == [Reason.NO_SUCH_SOURCE, Reason.NO_CITATION]


def test_a_hostile_passage_is_compared_like_any_other() -> None:
    for passage in ("", "가" * 50_000, "[1] " * 5_000, "![](x)\n```\n" * 500, "1" * 50_000):
        source = SearchSource(1, "", "", "", "", passage)
        assert check_answer("한라산은 1,947m이다[1].", (source,))[0].verdict is Verdict.UNSUPPORTED


@pytest.mark.parametrize(
    "piece", ["가", "a", "[", "[1]", " ", "1", "가다. ", "1,", "|", "`", "](", "1만 ", "\n"]
)
def test_an_answer_of_one_thing_again_and_again_is_checked(piece: str) -> None:
    assert isinstance(check_answer(piece * (20_000 // len(piece)), (HALLA,)), tuple)
