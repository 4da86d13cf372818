"""Numbers as Korean writes them, apart from where they stand: 1,947 · 3만 5천 · 천구백사십칠 · 서른두.

Only text that is a number goes in; where numbers stand in a sentence is found by `figures.py`.
"""

from __future__ import annotations

import re
from fractions import Fraction

SMALL_SCALES = {"십": 10, "백": 100, "천": 1000}
LARGE_SCALES = {"만": 10**4, "억": 10**8, "조": 10**12}
SINO = {"영": 0, "공": 0, "일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6, "칠": 7, "팔": 8, "구": 9}
_ONES = ("한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
_TENS = ("열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
NATIVE_ONES = {word: number for number, word in enumerate(_ONES, start=1)}
NATIVE_TENS = {"스무": 20} | {word: number * 10 for number, word in enumerate(_TENS, start=1)}
_PART = re.compile(r"[\d,]+(?:\.\d+)?|[가-힣]")


def sino_value(written: str) -> Fraction | None:
    """The value of digits and Sino-Korean words mixed in any way; None where they are no number."""
    total = section = Fraction(0)
    pending: Fraction | None = None
    largest = 10**16
    for part in _PART.findall(written):
        if part in LARGE_SCALES:
            scale = LARGE_SCALES[part]
            if scale >= largest:
                return None
            section += pending or 0
            total, section, pending, largest = total + (section or 1) * scale, Fraction(0), None, scale
        elif part in SMALL_SCALES:
            section, pending = section + (1 if pending is None else pending) * SMALL_SCALES[part], None
        elif pending is not None:
            return None
        else:
            pending = Fraction(SINO[part]) if part in SINO else Fraction(part.replace(",", ""))
    return total + section + (pending or 0)


def native_value(tens: str | None, ones: str | None) -> int:
    return NATIVE_TENS.get(tens or "", 0) + NATIVE_ONES.get(ones or "", 0)
