"""One word for one thing in Korean: what the field calls it, and never what it was called here before.

Run: python -m pytest tests/dashboard/test_korean_words.py
"""

from __future__ import annotations

import re

import pytest

from tests.test_architecture import ROOT, name_of

READ_IN_KOREAN = [
    *ROOT.glob("dashboard/texts/ko/*.toml"),
    *ROOT.glob("errors/ko/*.toml"),
    *ROOT.glob("docs/*.ko.md"),
    *ROOT.glob("dashboard/texts/said/ko/*.toml"),
    ROOT / "README.ko.md",
]

# What must not be read, as a pattern, and what stands for it.
OTHER_WORDS = {
    "기반 모델|바탕 모델|기본 모델|기반으로 쓸": "사전학습 모델, 베이스 모델 (of a training, an adapter)",
    "(?<!데이터)베이스(?! 모델)": "베이스 모델",
    "사전 학습": "사전학습",
    "정해진 답|그럴듯|탐욕": "그리디",
    "답하는 방식": "생성 설정",
    "미리 정한 방식": "프리셋",
    "스스로 끝|끝 토큰\\(EOS\\)에서 끝": "정상 종료",
    "멈추게|멈추기(?!까지)|멈추는 중|멈춤|사용자가 멈": "중지",
    "어떻게 끝났|종료 이유": "종료 사유",
    "시스템 글": "시스템 프롬프트",
    "모델에게 보낸 글": "실제 프롬프트",
    "꼭 같은 답": "완전 재현",
    "거르기|거른 ": "필터",
    "고르기 취소": "선택 해제",
    "그만두기": "취소",
    "판\\(revision\\)|\\(revision\\)": "리비전",
    "낱말": "단어, 어휘",
    "줄표": "하이픈",
    "지나온 길|메모리 기록": "메모리 사용 이력",
}


@pytest.mark.parametrize("pattern", OTHER_WORDS)
def test_a_korean_page_says_the_word_of_the_field(pattern: str) -> None:
    for path in READ_IN_KOREAN:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            found = re.search(pattern, line)
            assert not found, f"{name_of(path)}:{number}: {found[0]!r}, say {OTHER_WORDS[pattern]}"
