"""No measure slows down on a text made against it: each reads a text in time proportional to its length.

Run: python -m pytest tests/judging/test_hostile_answers_measured.py
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from judging.measures.answers import contains, is_json, is_near
from judging.measures.endless import asks_itself_on, end_loop, repeated_share
from judging.measures.scripts import broken, hangul_share, switch_spans, without_space
from judging.measures.speech_level import speech_levels
from tests.processor_time import least_seconds

LENGTH = 40_000
PIECES = ["(", "가(", "[", '"', "'", "`", "``` ", "$", "$a", "\\(", "\\[", "\\(a", ".", "?!", "a. ", "가. "]
PIECES += [
    "가",
    "가나",
    " ",
    "\n",
    "a",
    "1",
    "https://",
    "https://.",
    "www.",
    "ㄱ",
    "あ",
    "네. ",
    "### ",
    "{1",
]
MEASURES: list[Callable[[str], object]] = [
    hangul_share,
    switch_spans,
    broken,
    without_space,
    speech_levels,
    end_loop,
    repeated_share,
    asks_itself_on,
    is_json,
    lambda text: contains(text, "가나다"),
    lambda text: is_near(text, text),
]


@pytest.mark.parametrize("piece", PIECES)
def test_a_hostile_text_is_quick(piece: str) -> None:
    """A second for what takes some hundredths; in quadratic time it would be many."""
    text = piece * (LENGTH // len(piece))
    for measure in MEASURES:
        for each in (text, f"{text}!"):
            assert least_seconds(partial(measure, each), 1) < 1, measure
