"""Share of Hangul, words of other languages, and broken text.

Run: python -m pytest tests/judging/test_scripts_in_answers.py
"""

from __future__ import annotations

import unicodedata

import pytest

from judging.measures.scripts import broken, hangul_share, switch_spans, without_space

LABELED = [
    ("서울은 대한민국의 수도입니다.", 1, []),
    ("서울은 대한민국(大韓民國)의 수도예요.", 1, []),
    ("이 문제는 非常히 어렵습니다.", 10 / 12, ["Han"]),
    ("그는 おいしい 밥을 먹었다.", 7 / 11, ["Kana"]),
    ("AI와 GPT-4는 어떻게 다른가요?", 9 / 14, []),
    ("먼저 please 파일을 여세요.", 8 / 14, ["Latin"]),
    ("`print(x)`를 실행하면 돼.", 1, []),
    ("Привет, 반갑소.", 3 / 9, ["Cyrillic"]),
    ("그렇다네. 자네도 가게.", 1, []),
    ("네, 알겠습니다. 그럼 잘 가.", 1, []),
    ("교수님께서 가져오라셨는데 기억나?", 1, []),
    ('저는 "몰라"라고 말했습니다.', 1, []),
    ("회의는 3시에 시작함.", 1, []),
    ("길이는 30 cm, 무게는 5kg이다.", 8 / 12, []),
    ("변수 x와 각 π를 쓴다.", 7 / 9, []),
    ("iPhone15와 mp3와 H2O를 샀다.", 5 / 15, []),
    ('영어로는 "good morning"이라고 한다.', 9 / 20, []),
    ("인공지능(Artificial Intelligence)은 넓다.", 1, []),
    ("고맙다(ありがとう)는 말", 5 / 10, ["Kana"]),
    ("ﾊﾟﾝ과 빵", 2 / 5, ["Kana"]),
    ("우리는 very good 친구다. really?", 6 / 20, ["Latin", "Latin"]),
    ("학교 學校 학교", 4 / 6, ["Han"]),
    ("नमस्ते 안녕", 2 / 6, ["Devanagari"]),
    ("```python\nprint('hi')\n```\n이렇게 합니다.", 1, []),
    ("```\nnever closed\nat all", None, []),
    ("공식은 $a^2 + b = c$ 이고 \\(xyz\\)와 \\[pq\\]입니다. $$mnop$$", 1, []),
    ("값은 $5와 $10이다. https://a.example/path?q=word에서 보라.", 1, []),
    ("12, 34!", None, []),
]


@pytest.mark.parametrize(("text", "share", "scripts"), LABELED)
def test_share_and_spans(text: str, share: float | None, scripts: list[str]) -> None:
    assert hangul_share(text) == (None if share is None else pytest.approx(share))
    assert [span.script for span in switch_spans(text)] == scripts


def test_words_next_to_each_other_are_one_span() -> None:
    assert [span.text for span in switch_spans("그는 very well-known 사람")] == ["very well-known"]


@pytest.mark.parametrize(
    ("word", "question"), [("Python", "python이 뭐야?"), ("ありがとう", "ありがとう의 뜻은?")]
)
def test_a_word_of_the_question_is_no_switch(word: str, question: str) -> None:
    assert switch_spans(f"{word}은 좋습니다.") and not switch_spans(f"{word}은 좋습니다.", question)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("멀쩡한 글입니다ㅋㅋ 아ㅠㅠ", set()),
        ("ㄱ부터 ㅎ까지, ㅏ와 ㅣ", set()),
        ("깨진 \ufffd 글자", {"replaced"}),
        ("안녕하ㅅ세요", {"jamo"}),
        ("가ㅏ나", {"jamo"}),
        (unicodedata.normalize("NFD", "한글"), {"decomposed"}),
        ("\u1112\u1161\u11ab", {"decomposed"}),
        ("\u11ab 외톨이 \ufffd", {"decomposed", "replaced"}),
    ],
)
def test_broken_text_is_told_by_its_kind(text: str, found: set[str]) -> None:
    assert broken(text) == found


def test_a_run_without_a_space_is_fifteen_syllables_and_more() -> None:
    assert without_space("가" * 14) == ()
    assert without_space(f"짧고 {'가' * 15} {'나' * 20}.") == ("가" * 15, "나" * 20)
