"""An answer to a search carries its sources and what was found out about every sentence, and is read back.

Run: python -m pytest tests/search/test_answer_extras.py
"""

from __future__ import annotations

import json

import pytest

from engines.base import Answer, AnswerRequest, FinishReason, GenerationSettings
from errors import Cause
from prompts.conversation import Conversation
from search import answer_extras
from search.answer_extras import AnswerFlag, CheckedAnswer, checked_answer_of, finish
from search.citations.verdicts import Reason, Verdict
from search.records import ROOM, Searched, SearchSource, searched_of

SOURCE = SearchSource(
    1, "한라산", "https://a.kr/halla", "a.kr", "", "한라산은 제주도에 있는 산으로, 높이는 1,947m이다."
)
SEARCHED = Searched("높이는?", searched=True, why=Cause("search-why-always"), sources=(SOURCE,))
SETTINGS = GenerationSettings()


def finished(text: str, searched: Searched | None = SEARCHED, **known: object) -> Answer:
    extras = {} if searched is None else {ROOM: json.loads(json.dumps(searched.as_json()))}
    request = AnswerRequest("demo", Conversation.ask("높이는?"), extras=extras)
    fields = {"finish_reason": FinishReason.EOS, "extras": {"other": 1}, **known}
    return finish(request, Answer("demo", text, settings=SETTINGS, **fields))  # type: ignore[arg-type]


def read_back(answer: Answer) -> CheckedAnswer:
    found = checked_answer_of(json.loads(json.dumps(answer.extras)))
    assert found is not None
    return found


def test_an_answer_is_stored_with_its_sources_and_verdicts_and_read_back() -> None:
    answer = finished(
        "안녕하세요! 한라산은 1,947m이다[1]. 한라산은 1,950m이다[1]. 자세히는 https://b.kr/x 참고[1]."
    )
    found = read_back(answer)
    assert searched_of(answer.extras) == SEARCHED == found.searched and answer.extras["other"] == 1
    assert [each.verdict for each in found.sentences] == [
        Verdict.UNCITED,
        Verdict.SUPPORTED,
        Verdict.UNSUPPORTED,
        Verdict.UNSUPPORTED,
    ]
    assert found.flags == (AnswerFlag("invented-address", "https://b.kr/x"),)
    assert found.support == pytest.approx(1 / 3) == answer.extras[ROOM]["support"]  # type: ignore[index]
    assert found.as_json() == answer.extras[ROOM]


def test_an_answer_to_no_search_stays_as_it_is() -> None:
    answer = finished("한라산은 1,947m이다[1].", searched=None)
    assert answer.extras == {"other": 1} and checked_answer_of(answer.extras) is None


def test_where_nothing_was_searched_there_is_nothing_to_cite() -> None:
    found = read_back(
        finished("한라산은 높다.", Searched("?", searched=False, why=Cause("search-why-never")))
    )
    assert found.sentences == () and found.support is None


@pytest.mark.parametrize("reason", [FinishReason.FAILED, FinishReason.STOPPED])
def test_what_there_is_of_a_broken_answer_is_checked(reason: FinishReason) -> None:
    found = read_back(finished("한라산은 1,947m이다[1]. 한라산", finish_reason=reason))
    assert [each.verdict for each in found.sentences] == [Verdict.SUPPORTED, Verdict.UNCITED]
    assert read_back(finished("", finish_reason=reason)).searched == SEARCHED


def test_an_answer_that_says_the_sources_lack_it_has_no_share_of_support() -> None:
    found = read_back(finished("출처에서 답을 찾지 못했습니다."))
    assert found.abstains and found.support is None
    assert not read_back(finished("한라산은 높다.")).abstains


def test_an_answer_is_kept_where_its_check_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(answer_extras, "check_answer", broken)
    found = read_back(finished("한라산은 1,947m이다[1]."))
    assert found.searched == SEARCHED and found.flags == (AnswerFlag("not-checked"),)


def test_what_a_newer_narani_adds_is_passed_over() -> None:
    answer = finished("한라산은 1,947m이다[1]. 한라산은 높다.")
    values = json.loads(json.dumps(answer.extras))
    values[ROOM]["color"] = 1
    values[ROOM]["flags"] = [{"code": "new", "shade": 2}]
    first, second = values[ROOM]["sentences"]
    first |= {"reason": "by-a-newer-rule", "shade": 3}
    second["verdict"] = "by-a-newer-rule"
    found = checked_answer_of(values)
    assert found is not None and found.flags == (AnswerFlag("new"),)
    assert [(each.verdict, each.reason) for each in found.sentences] == [
        (Verdict.SUPPORTED, Reason.IN_SOURCE)
    ]
