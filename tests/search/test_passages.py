"""A text becomes passages that lose nothing of it, begin and end between sentences, and take linear time.

Run: python -m pytest tests/search/test_passages.py
"""

from __future__ import annotations

import random
import unicodedata

import pytest

from search import passages as module
from search.passages import LONGEST, passages
from search.words import analyzer, sentences

SENTENCES = [
    "한라산은 제주도 한가운데에 솟은 산으로 높이는 1,947미터이다.",
    "봄에는 철쭉이 피고 겨울에는 눈꽃이 핀다!",
    "정상까지 9.6 km를 걸으면 4시간 30분쯤 걸린다[1].",
    "“내일은 맑겠습니다.” 기상청이 이렇게 말했다.",
    "The trail opens at 5 a.m. in summer.",
    "몇 시에 닫나요?",
    "😀 그림 글자 뒤에도 문장이 이어진다. ",
    "입산은 " + "여러 갈래의 길에서 " * 15 + "시작된다.",
]


def texts() -> list[str]:
    chosen = random.Random(7)
    return [
        between.join(chosen.choices(SENTENCES, k=count))
        for count in (1, 3, 8, 40)
        for between in (" ", "\n", "\n\n  ")
    ]


def covered(text: str, found: list[str]) -> None:
    """Each passage begins no later than where the one before ended, but for space."""
    at = 0
    for passage in found:
        begin = text.index(passage, max(0, at - LONGEST))
        assert not text[at:begin].strip(), text[at:begin]
        at = max(at, begin + len(passage))
    assert not text[at:].strip()


@pytest.mark.parametrize("text", texts())
def test_every_sentence_is_whole_in_a_passage(text: str) -> None:
    found = passages(text)
    assert all(len(passage) <= LONGEST for passage in found)
    for block in text.splitlines():
        for sentence in sentences(block):
            assert any(sentence in passage for passage in found), sentence


def test_passages_are_neither_small_nor_apart() -> None:
    each = [f"{number}번째로 {sentence}" for number, sentence in enumerate(SENTENCES[:6] * 20)]
    text = " ".join(each)
    found = passages(text)
    covered(text, found)
    assert all(len(passage) >= 300 for passage in found[:-1])
    for one, following in zip(found, found[1:], strict=False):
        shared = max(size for size in range(LONGEST) if one.endswith(following[:size]))
        assert 50 <= shared <= 100, (one, following)
        assert any(following.startswith(sentence) for sentence in each), following


@pytest.mark.parametrize("text", ["", " ", "\n\t\n"])
def test_an_empty_text_has_no_passage(text: str) -> None:
    assert passages(text) == []


def test_a_short_text_is_one_passage() -> None:
    assert passages(" 짧은 글이다. \n") == ["짧은 글이다."]


def test_hangul_of_a_mac_becomes_composed() -> None:
    assert passages(unicodedata.normalize("NFD", "한글이다.")) == ["한글이다."]


@pytest.mark.parametrize(
    "piece", ["가", "a", "[", "가나다라 ", "a. ", "가\n", "\u3002", "한라산은높고백록담은깊다"]
)
def test_a_text_without_ends_of_sentences_is_cut_all_the_same(piece: str) -> None:
    text = (piece * 6_000)[:6_000].strip()
    found = passages(text)
    assert len("".join("".join(found).split())) >= len("".join(text.split()))
    assert all(len(passage) <= LONGEST for passage in found)
    assert len(found) <= 6_000 / 300


def test_the_analyzer_is_never_given_much_at_once_nor_what_has_no_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its time grows faster than what it is given; so a page of 2 MB stays as quick as its size."""
    given: list[int] = []

    class Counting:
        def split_into_sents(self, text: str) -> list[object]:
            given.append(len(text))
            return list(analyzer().split_into_sents(text))

    monkeypatch.setattr(module, "analyzer", Counting)
    passages(" ".join(SENTENCES * 30))
    assert given and max(given) <= 1_000
    given.clear()
    passages("가" * 100_000)
    assert given == [] or max(given) <= 1_000 and len(given) <= 1
