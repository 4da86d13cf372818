"""What differs between two answers: word by word, exact to the last space, and never a wait.

Run: python -m pytest tests/comparison/test_difference.py
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comparison.difference import DifferenceKind, DifferencePiece, similarity, word_differences
from tests.processor_time import least_seconds

SIGNS = {DifferenceKind.SAME: "", DifferenceKind.REMOVED: "-", DifferenceKind.ADDED: "+"}


def short(baseline: str, other: str) -> list[str]:
    return [SIGNS[piece.kind] + piece.text for piece in word_differences(baseline, other)]


def without(kind: DifferenceKind, pieces: tuple[DifferencePiece, ...]) -> str:
    return "".join(piece.text for piece in pieces if piece.kind is not kind)


@pytest.mark.parametrize(
    ("baseline", "other", "expected"),
    [
        ("", "", []),
        ("서울입니다.", "서울입니다.", ["서울입니다."]),
        ("서울입니다.", "서울입니다", ["서울입니다", "-."]),
        ("수도는 서울입니다.", "수도는 부산입니다.", ["수도는 ", "-서울입니다", "+부산입니다", "."]),
        ("서울은 크다", "서울이 크다", ["-서울은 ", "+서울이 ", "크다"]),
        ("가 나 다", "가 다", ["가 ", "-나 ", "다"]),
        ("가 나", "가\n나", ["가", "- ", "+\n", "나"]),
        ("  가", "가", ["-  ", "가"]),
        ("가, 나. 다", "라, 마. 바", ["-가, 나. 다", "+라, 마. 바"]),
        ("좋아요 👍🏽", "좋아요 👍🏻", ["좋아요 ", "-👍🏽", "+👍🏻"]),
        ("", "가", ["+가"]),
        ("가\n", "", ["-가\n"]),
    ],
)
def test_a_difference_is_as_small_as_a_word(baseline: str, other: str, expected: list[str]) -> None:
    assert short(baseline, other) == expected


words = st.sampled_from(
    ["서울", "부산은", "은", "a", ".", ",", "👍🏽", " ", "  ", "\n", "\n\n", "\t", "\u200d", "é"]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(words).map("".join) | st.text(), st.lists(words).map("".join) | st.text())
def test_the_pieces_make_both_texts_again(baseline: str, other: str) -> None:
    pieces = word_differences(baseline, other)
    assert without(DifferenceKind.REMOVED, pieces) == other
    assert without(DifferenceKind.ADDED, pieces) == baseline
    assert all(piece.text for piece in pieces)
    assert all(one.kind is not two.kind for one, two in zip(pieces, pieces[1:], strict=False))
    assert (baseline == other) == all(piece.kind is DifferenceKind.SAME for piece in pieces)
    assert 0 <= similarity(baseline, other) == similarity(other, baseline) <= 1


def long_text(seed: int, lines: int) -> list[str]:
    chance = random.Random(seed)
    vocabulary = [f"낱말{number}" for number in range(5000)]
    weights = [1 / (number + 5) for number in range(5000)]
    return [" ".join(chance.choices(vocabulary, weights, k=10)) + "." for _ in range(lines)]


def edited(lines: list[str]) -> list[str]:
    return [f"{line} 끝" if number % 10 == 0 else line for number, line in enumerate(lines)]


@cache
def tall() -> list[str]:
    return long_text(1, 1800)


LONG: dict[str, Callable[[], tuple[str, str]]] = {
    "the same": lambda: ("가나다 " * 25_000, "가나다 " * 25_000),
    "one word": lambda: ("가 " * 50_000, "가 나 " * 25_000),
    "other words": lambda: ("\n".join(tall()), "\n".join(long_text(2, 1800))),
    "edited": lambda: ("\n".join(tall()), "\n".join(edited(tall()))),
    "one line": lambda: (" ".join(tall()), " ".join(edited(tall()))),
    "every second word": lambda: (
        " ".join(f"가{n} 나{n}" for n in range(1500)),
        " ".join(f"가{n} 다{n}" for n in range(1500)),
    ),
    "the same every second word": lambda: (
        " ".join(f"가 나{n}" for n in range(1500)),
        " ".join(f"가 다{n}" for n in range(1500)),
    ),
    "every second line": lambda: (
        "\n".join(f"가{n}\n나{n}" for n in range(8000)),
        "\n".join(f"가{n}\n다{n}" for n in range(8000)),
    ),
    "blank lines": lambda: ("\n" * 100_000 + "가", "\n" * 50_000 + "나"),
    "dots": lambda: ("." * 100_000, ".," * 50_000),
}


@pytest.mark.parametrize("name", LONG)
def test_a_long_text_is_compared_in_little_time(name: str) -> None:
    baseline, other = LONG[name]()

    def compared() -> None:
        word_differences.cache_clear()
        word_differences(baseline, other)
        similarity(baseline, other)

    assert least_seconds(compared, 2) < 2
    pieces = word_differences(baseline, other)
    assert without(DifferenceKind.REMOVED, pieces) == other
    assert without(DifferenceKind.ADDED, pieces) == baseline


def test_a_long_text_with_small_edits_shows_the_edits() -> None:
    pieces = word_differences(*LONG["edited"]())
    added = [piece.text.strip() for piece in pieces if piece.kind is DifferenceKind.ADDED]
    assert added.count("끝") == 180 and len(added) == 180


@pytest.mark.parametrize(
    ("baseline", "other", "share"),
    [
        ("", "", 1.0),
        ("...", "...", 1.0),
        ("...", "가", 0.0),
        ("서울입니다.", "서울입니다!", 1.0),
        ("가 나 다 라", "라 다", 2 / 3),
        ("가 가", "가", 2 / 3),
        ("가", "나", 0.0),
    ],
)
def test_similarity_is_the_share_of_words_in_common(baseline: str, other: str, share: float) -> None:
    assert similarity(baseline, other) == pytest.approx(share)
