"""Answers with sources from plain data, drawn with the dashboard's own components; hostile ones too.

Knows: the places where a stranger's text can come in a search chat; `?place=` chooses one, `?port=` is the
attacker's.
Refuses to know: who looks. Run by test_hostile_sources.py with `streamlit run`.
"""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from comparison.turns import ColumnPicture, TurnPicture
from dashboard.shared.turn import turn_view
from dashboard.texts import read_chosen
from engines.base import Answer, AnswerRequest, FinishReason, GenerationSettings
from errors import Cause
from prompts.conversation import Conversation
from search.answer_extras import INVENTED_ADDRESS, AnswerFlag, CheckedAnswer
from search.citations.verdicts import CheckedSentence, Reason, Verdict
from search.records import ROOM, Searched, SearchSource
from tests.dashboard.hostile_answers import HOSTILE, hostile

PASSAGE = "한라산은 제주도 한가운데에 있는 화산이다. 높이는 1,947m로 남한에서 가장 높다."
SOURCES = (
    SearchSource(1, "한라산", "지리/한라산.md", "제주 안내", "2024-03-02", PASSAGE, page=3),
    SearchSource(
        2, "지리산", "https://ko.example.org/지리산", "ko.example.org", "", "지리산의 높이는 1,915m다."
    ),
    SearchSource(
        3,
        "설악산 국립공원 안내 " * 4,
        "https://a.example.com/x?y=1",
        "a.example.com",
        "",
        "설악산은 강원도에 있다.",
    ),
)
SENTENCES = (
    CheckedSentence("한라산의 높이는 **1,947m**입니다 [1].", (1,), Verdict.SUPPORTED, Reason.IN_SOURCE),
    CheckedSentence("지리산은 1,915m이고 천왕봉이 가장 높습니다[2].", (2,), Verdict.WEAK, Reason.FEW_WORDS),
    CheckedSentence(
        "한라산은 1850년에 분화했습니다 [1][3].", (1, 3), Verdict.UNSUPPORTED, Reason.FIGURE_MISSING
    ),
    CheckedSentence("제주도에는 바람이 많습니다.", (), Verdict.UNCITED, Reason.NO_CITATION),
)
MODELS = ("extractive", "demo-chat", "demo-kullm")


def column(position: int, checked: CheckedAnswer, text: str) -> ColumnPicture:
    request = AnswerRequest(
        MODELS[position % 3], Conversation.ask("질문", "출처"), extras={ROOM: checked.searched.as_json()}
    )
    answer = Answer(
        request.model_id, text, FinishReason.EOS, GenerationSettings(), extras={ROOM: checked.as_json()}
    )
    return ColumnPicture(position, 1, request, "done", text, answer=answer)


def turn(columns: list[ColumnPicture], question: str) -> TurnPicture:
    return TurnPicture("run", datetime.now(UTC), question, "출처", "", tuple(columns), earlier=0)


def searched(sources: tuple[SearchSource, ...], words: str) -> Searched:
    problem = Cause("search-page-failed", address=words, why=words)
    why = Cause("search-why-always")
    return Searched("질문", True, why, "documents", (words,), sources, (problem,))


def friendly() -> TurnPicture:
    found = searched(SOURCES, "한라산 높이")
    one, two, three, four = SENTENCES
    first = f"{one.text}\n\n- {two.text}\n- {three.text}\n\n{four.text}"
    columns = [
        column(0, CheckedAnswer(found, SENTENCES), first),
        column(1, CheckedAnswer(found, SENTENCES[:2]), f"{one.text} {two.text}"),
    ]
    return turn(columns, "남한에서 가장 높은 산은 무엇인가요?")


def hostile_sources(texts: list[str]) -> TurnPicture:
    """In titles, addresses, sites, dates, passages and queries."""
    sources = tuple(SearchSource(number, *(text,) * 5) for number, text in enumerate(texts, 1))
    said = " ".join(f"사실입니다[{source.n}]." for source in sources)
    return turn([column(0, CheckedAnswer(searched(sources, texts[0])), said)], "질문")


def hostile_answers(texts: list[str]) -> TurnPicture:
    columns = []
    for at, text in enumerate(texts):
        sentence = CheckedSentence(text, (1,), Verdict.UNSUPPORTED, Reason.NEGATED)
        flag = AnswerFlag(INVENTED_ADDRESS, text)
        columns.append(column(at, CheckedAnswer(searched(SOURCES, text), (sentence,), (flag,)), text))
    return turn(columns, texts[0])


texts = read_chosen()
place, port = st.query_params.get("place", "friendly"), int(st.query_params.get("port", "9"))
hostiles = [hostile(payload, port) for payload in HOSTILE]
if place == "friendly":
    turn_view(friendly(), {"demo-chat": "데모 대화", "extractive": "발췌 답변 (모델 없이)"}, texts)
elif place == "sources":
    turn_view(hostile_sources(hostiles), {"extractive": hostiles[0]}, texts)
elif place == "answers":
    turn_view(hostile_answers(hostiles), {"demo-chat": hostiles[0]}, texts)
st.caption("drawn")
