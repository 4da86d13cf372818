"""Dates in a text in one form, read apart from other figures, for they are compared part by part."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

TAKEN = " \ue000"
"""Stands where a fact stood that was read already; the character is nobody's."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_TH = "(?:st|nd|rd|th)?"
_DATE = re.compile(
    r"(?<!\d)(?P<y1>\d{4})\s{0,3}년\s{0,3}(?P<m1>\d{1,2})\s{0,3}월(?:\s{0,3}(?P<d1>\d{1,2})\s{0,3}일)?"
    r"|(?<![\d.-])(?P<y2>\d{4})\s?-\s?(?P<m2>\d{1,2})\s?-\s?(?P<d2>\d{1,2})(?![\d-])"
    r"|(?<![\d.-])(?P<y3>\d{4})\s?[./]\s?(?P<m3>\d{1,2})\s?[./]\s?(?P<d3>\d{1,2})\.?(?!\d)"
    r"|(?<!\d)(?P<m4>\d{1,2})\s{0,3}월(?:\s{0,3}(?P<d4>\d{1,2})\s{0,3}일)?"
    r"|(?<![\d.,])(?P<y5>\d{3,4})\s{0,3}년(?!대|간|\s?동안|\s?만에|\s?이상|\s?이내)"
    rf"|(?<![a-z])(?P<w6>{_MONTH})\s(?:(?P<d6>\d{{1,2}}){_TH},?\s)?(?P<y6>\d{{4}})(?!\d)"
    rf"|(?<!\d)(?P<d7>\d{{1,2}}){_TH}\s(?P<w7>{_MONTH}),?\s(?P<y7>\d{{4}})(?!\d)",
    re.IGNORECASE,
)
_UNTIL = re.compile(r"\s?(?:부터|에서|[~∼〜～–-])\s?(\d{1,2})\s?일")
"""The second day of 10월 3일부터 5일까지, whose month and year were said before."""


@dataclass(frozen=True)
class CalendarDate:
    year: int | None = None
    month: int | None = None
    day: int | None = None

    def within(self, other: CalendarDate) -> bool:
        """Whether the other date says all that this one says."""
        mine, theirs = (self.year, self.month, self.day), (other.year, other.month, other.day)
        return all(part is None or part == known for part, known in zip(mine, theirs, strict=True))


def dates_in(text: str) -> tuple[set[CalendarDate], str]:
    """The dates, and the text with a mark in their places."""
    found = {_date(match) for match in _DATE.finditer(text)}
    ends = (
        replace(_date(match), day=int(until.group(1)))
        for match in _DATE.finditer(text)
        if (until := _UNTIL.match(text, match.end()))
    )
    return found.union(ends), _DATE.sub(TAKEN, text)


def _date(match: re.Match[str]) -> CalendarDate:
    parts = {name[0]: said for name, said in match.groupdict().items() if said is not None}
    month = _MONTHS.index(parts["w"][:3].lower()) + 1 if "w" in parts else _number(parts.get("m"))
    return CalendarDate(_number(parts.get("y")), month, _number(parts.get("d")))


def _number(said: str | None) -> int | None:
    return None if said is None else int(said)
