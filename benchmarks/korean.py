"""Korean text to measure with: ordinary, without spaces, and what breaks detokenizers.

Knows: the question set that ships, and the rare.
Refuses to know: tokenizers and models.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

QUESTIONS = (
    "하늘은 왜 파란가요?",
    "서울에서 부산까지 기차로 얼마나 걸리나요?",
    "김치찌개를 끓일 때 무엇을 먼저 볶나요?",
    "처음 뵙는 어른께는 어떻게 인사하면 좋을까요?",
    "세종대왕이 훈민정음을 만든 까닭을 두 문장으로 말해 주세요.",
    "한라산과 지리산 가운데 어느 쪽이 더 높은가요?",
    "비 오는 날 제주에서 가 볼 만한 곳을 알려 주세요.",
    "사과 세 개에 이천 원이면 아홉 개는 얼마인가요?",
)

RARE = (
    "뷁꿻쀍힣똠방각하 펲시콜라 쓩쒕쾗 믜믯 "
    "\u1112\u1161\u11ab\u1100\u1173\u11af "  # Hangul as single letters, which compose
    "👩‍👩‍👧‍👦🇰🇷🫶🏽 漢字 ㄱㄴㄷㅏㅑ ①㈜㎏ 𝒜𠮷 é ﷽ 끝"
)

_ANSWERS = Path(__file__).parents[1] / "model_registry" / "demo" / "questions.jsonl"


@cache
def ordinary() -> str:
    """Every question and answer of the set that ships, a line each."""
    rows = map(json.loads, _ANSWERS.read_text(encoding="utf-8").splitlines())
    return "\n".join(f"{turn['question']}\n{turn['answer']}" for row in rows for turn in row["turns"])


def without_spaces() -> str:
    """As Korean headlines and careless chats are written: no place to wait for."""
    return "".join(ordinary().split())


def mixed() -> str:
    """One long paragraph, with something rare in every few sentences."""
    lines = ordinary().splitlines()
    return " ".join(" ".join((*lines[at : at + 4], RARE)) for at in range(0, len(lines), 4))
