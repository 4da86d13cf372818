"""Whether a question is searched for: modes, sign, rules, a model that is believed if it can tell.

Run: python -m pytest tests/search/test_deciding.py
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from errors import BadRequest, NaraniError, Stopped, wording
from search.deciding import NO, YES, Likelihoods, SearchMode, decide
from search.routing_rules import verdict_of_rules

DOUBTFUL = "병가 쓰려면 진단서 내야 해?"
"""No rule holds for it."""


def model_that(leans: Callable[[str], float]) -> Callable[[str, tuple[str, ...]], Likelihoods]:
    """`leans` gives how many times likelier a yes is, for a prompt."""

    def ask(prompt: str, words: tuple[str, ...]) -> Likelihoods:
        assert words == (YES, NO)
        return Likelihoods("모델", {YES: leans(prompt) - 7.0, NO: -7.0})

    return ask


def leaning(doubtful: float, search: float = 3.0, talk: float = -3.0) -> Callable[[str], float]:
    plain = ("날씨", "경복궁", "육아휴직")
    return lambda p: doubtful if DOUBTFUL in p else search if any(word in p for word in plain) else talk


def never_asked(prompt: str, words: tuple[str, ...]) -> Likelihoods:
    raise AssertionError(f"the model was asked: {prompt}")


@pytest.mark.parametrize("mode", SearchMode)
@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("/한라산 높이", "한라산 높이"),
        ("/ 안녕", "안녕"),
        ("  /안녕", "안녕"),
        ("／안녕", "안녕"),
        ("/ /etc/hosts 설명해줘", "/etc/hosts 설명해줘"),
        ("/\n2/3는 얼마야", "2/3는 얼마야"),
        ("/", ""),
    ],
)
def test_a_leading_slash_searches_in_every_mode_and_is_no_part_of_the_question(
    mode: SearchMode, said: str, question: str
) -> None:
    decision = decide(said, mode, never_asked)
    assert (decision.searched, decision.why.code, decision.question) == (True, "search-why-sign", question)


@pytest.mark.parametrize("said", ["/etc/hosts 설명해줘", "//이건 주석이야", "1/2은 몇이야", "가/나"])
def test_a_path_or_a_comment_at_the_beginning_is_no_sign(said: str) -> None:
    assert decide(said, SearchMode.NEVER).question == said
    assert not decide(said, SearchMode.NEVER).searched


def test_what_the_person_set_is_done_without_asking_anyone() -> None:
    always, never = (decide("안녕", mode, never_asked) for mode in (SearchMode.ALWAYS, SearchMode.NEVER))
    assert (always.searched, always.why.code) == (True, "search-why-always")
    assert (never.searched, never.why.code) == (False, "search-why-never")


@pytest.mark.parametrize(
    ("question", "searched", "code", "word"),
    [
        ("오늘 서울 날씨 어때?", True, "time", "오늘"),
        ("https://a.kr/b 이 글 요약해줘", True, "address", "https://a.kr/b"),
        ("제주도 맛집 검색해줘", True, "requested", "검색"),
        ("장독대는 왜 밖에 두나요?", True, "question", "왜"),
        ("윤동주", True, "name", "윤동주"),
        ("제주도는 언제 가면 좋을까?", True, "question", "언제"),
        ("하숙집 난방 비용", True, "keywords", "하숙집 난방 비용"),
        ('"오늘 회의"를 영어로 번역해줘', False, "not-given-text", "번역"),
        ("파이썬으로 정렬 함수 짜줘", False, "not-code", "함수"),
        ("가을에 대한 시를 써줘", False, "not-writing", "시를"),
        ("27 곱하기 14는?", False, "not-sum", "곱하기"),
        ("퇴사할까 말까 고민이야", False, "not-opinion", "말까"),
        ("안녕하세요", False, "not-chat", "안녕"),
    ],
)
def test_a_rule_decides_and_names_the_word_it_saw(
    question: str, searched: bool, code: str, word: str
) -> None:
    decision = decide(question, ask_model=never_asked)
    assert decision.searched is searched
    assert (decision.why.code, decision.why.facts["word"]) == (f"search-why-{code}", word)
    assert all(word in wording(decision.why, language) for language in ("ko", "en"))


def test_what_goes_on_from_the_last_question_is_decided_with_it() -> None:
    assert (
        decide("주차는?", earlier_questions=("지리산은 어느 도에 있나요?",)).why.code == "search-why-goes-on"
    )
    shorter = decide("좀 더 짧게", earlier_questions=("한라산에 대해 설명해줘",))
    assert (shorter.searched, shorter.why.code) == (False, "search-why-not-last-answer")
    assert decide("좀 더 짧게").why.code == "search-why-doubt"


def test_in_doubt_it_is_searched_where_no_model_is_asked() -> None:
    assert decide(DOUBTFUL).searched
    assert decide(DOUBTFUL).why.code == "search-why-doubt"


@pytest.mark.parametrize(
    ("leans", "searched", "code"),
    [
        (leaning(2.0), True, "model-yes"),
        (leaning(-2.0), False, "model-no"),
        (leaning(0.3), True, "model-in-doubt"),
        (leaning(-0.3), True, "model-in-doubt"),
        (leaning(-5.0, search=-6.0, talk=-12.0), True, "model-yes"),
        (leaning(5.0, search=12.0, talk=6.0), False, "model-no"),
        (leaning(-9.0, search=0.5, talk=0.0), True, "model-cannot-tell"),
        (leaning(-9.0, search=-3.0, talk=3.0), True, "model-cannot-tell"),
        (leaning(-9.0, search=float("nan")), True, "model-cannot-tell"),
        (lambda p: 3.0 if "날씨" in p else -3.0, True, "model-cannot-tell"),
        (lambda p: -3.0 if "안녕" in p else 3.0, True, "model-cannot-tell"),
        (leaning(-9999.0), False, "model-no"),
    ],
)
def test_a_model_is_believed_where_it_tells_a_search_from_talk(
    leans: Callable[[str], float], searched: bool, code: str
) -> None:
    decision = decide(DOUBTFUL, ask_model=model_that(leans))
    assert (decision.searched, decision.why.code) == (searched, f"search-why-{code}")
    assert decision.why.facts["model"] == "모델"
    assert all("모델" in wording(decision.why, language) for language in ("ko", "en"))


def test_a_model_that_fails_costs_no_search_and_a_stop_ends_the_deciding() -> None:
    def fails(error: NaraniError) -> Callable[[str, tuple[str, ...]], Likelihoods]:
        def ask(prompt: str, words: tuple[str, ...]) -> Likelihoods:
            raise error

        return ask

    failed = decide(DOUBTFUL, ask_model=fails(BadRequest("empty-question")))
    assert failed.searched and "질문이 비어" in wording(failed.why, "ko")
    with pytest.raises(Stopped):
        decide(DOUBTFUL, ask_model=fails(Stopped("search-stopped")))


@pytest.mark.parametrize("flood", ["a", "[", "가", "'", '"', "1 ", "(", "너는 ", "http://", "「", "def "])
def test_of_a_flood_of_letters_the_beginning_and_the_end_are_read(flood: str) -> None:
    text = flood * (100_000 // len(flood))
    alone = verdict_of_rules(text)
    assert verdict_of_rules(f"{text} 오늘 날씨 검색해줘 {text}") == alone
    asked = verdict_of_rules(f"경주 맛집 검색해줘\n{text}")
    assert asked is not None and asked.why.code == "search-why-requested"
