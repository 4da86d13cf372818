"""Units behind Korean figures, so that 1,947미터, 1947m and 1.947km are one figure and 3% and 3년 are not."""

from __future__ import annotations

import re
from fractions import Fraction

COUNT = "count"
"""Counters of things, people and times: 세 가지 and 3개 are the same figure."""

_WRITTEN: dict[str, str] = {
    "%p": "퍼센트포인트 %포인트 %p",
    "%": "퍼센트 프로(?![가-힣]) %",
    "km2": "제곱킬로미터 평방킬로미터 km2",
    "ha": "헥타르 ha",
    "m3": "세제곱미터 입방미터 m3",
    "m2": "제곱미터 평방미터 m2",
    "km": "킬로미터 km",
    "cm": "센티미터 센티 cm",
    "mm": "밀리미터 mm",
    "m": "미터 m",
    "kg": "킬로그램 킬로(?![가-힣]) kg",
    "t": "톤 t",
    "mL": "밀리리터 mL ml",
    "g": "그램 g",
    "L": "리터 ℓ L l",
    "kcal": "킬로칼로리 kcal",
    "W": "와트 W",
    "kW": "킬로와트 kW",
    "V": "볼트 V",
    "MW": "메가와트 MW",
    "GB": "기가바이트 GB",
    "MB": "메가바이트 MB",
    "TB": "테라바이트 TB",
    "원": "원",
    "달러": "달러",
    "엔": "엔(?!진)",
    "유로": "유로",
    "위안": "위안",
    "개월": "개월 달(?!러|라|리|성)",
    "년대": "년대",
    "세기": "세기",
    "년": "년",
    "월": "월",
    "시간": "시간",
    "일": "일(?!본|반|제|부)",
    "주": "주일 주간 주(?![가-힣]?[역택소행])",
    "분": "분(?!기|야|류|포)",
    "초": "초(?!등|기|반)",
    "도": "도(?:씨)?(?!시|로|서|구) °C °",
    "배": "배(?!우|경)",
    "세": "세(?!계|대|기|트) 살",
    "층": "층",
    COUNT: "개국 개소 개 명 사람 인(?![가-힣]) 가지 곳 군데 종류 종 건 편 마리 회 번째 번 위 등(?![가-힣])"
    " 차례 차 대 호선 호 권 장 점 팀 채 쌍 그루 단계 줄 칸 쪽 페이지 나라",
}
_NAMES = [(unit, form) for unit, forms in _WRITTEN.items() for form in forms.split()]
_ENDS_IN_LATIN = re.compile(r"[A-Za-z0-9]$")
UNIT = "|".join(
    f"{form}(?![A-Za-z0-9])" if _ENDS_IN_LATIN.search(form) else form
    for unit, form in sorted(_NAMES, key=lambda pair: -len(pair[1].partition("(?")[0]))
)
"""A pattern of all units, the longer ones first; without groups that count."""
_SPELLING = {form.partition("(?")[0]: unit for unit, form in _NAMES} | {"도씨": "도"}
_BASES: dict[str, tuple[Fraction, str]] = {
    "km": (Fraction(1000), "m"),
    "cm": (Fraction(1, 100), "m"),
    "mm": (Fraction(1, 1000), "m"),
    "kg": (Fraction(1000), "g"),
    "t": (Fraction(10**6), "g"),
    "mL": (Fraction(1, 1000), "L"),
    "km2": (Fraction(10**6), "m2"),
    "ha": (Fraction(10**4), "m2"),
    "kW": (Fraction(1000), "W"),
    "MW": (Fraction(10**6), "W"),
}


def unit_of(written: str | None) -> str:
    """The one spelling of a unit; empty where there is none."""
    return _SPELLING.get(written or "", "")


def in_base(value: Fraction, unit: str) -> tuple[Fraction, str]:
    scale, base = _BASES.get(unit, (Fraction(1), unit))
    return value * scale, base
