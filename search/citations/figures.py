"""Figures, dates and names in Latin letters of a text, in one form however they are written.

1,947미터, 1947m and 1.947km are one figure; 2024년 10월 11일, 2024-10-11 and 2024.10.11. are one date. The
same rules read the sentence and the source, so what is read wrongly is read wrongly in both. What
is rounded has to be said so (약 2천 미터 of 1,947), and arithmetic is not seen.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from search.citations.dates import TAKEN, CalendarDate, dates_in
from search.citations.korean_numbers import NATIVE_ONES, NATIVE_TENS, native_value, sino_value
from search.citations.units import UNIT, in_base, unit_of

_CIRCLED = {number: " " for number in range(0x2460, 0x249C)}
"""① and its like number lists."""
_DIGITS = r"(?:\d{1,3}(?:,\d{3})++(?!\d)|\d++)(?:\.\d++)?"
_SCALE = r"(?:[십백천]?[만억]|[십백천]?조(?!각|사|직|합|건|치|성|금)|[십백천])"
_WORDED = "일이삼사오육칠팔구십백천만억조"
_MANY = rf"{_DIGITS}(?:{_SCALE}++(?:\s?(?:{_DIGITS})?{_SCALE}++|\s?{_DIGITS}(?![\d.]))*)?"
_BEHIND = rf"(?:여|\s?여)?\s?({UNIT})?"
_ABOUT = r"(?:(?<![가-힣])(약|대략|거의)\s?)?"
_NUMBER = re.compile(rf"{_ABOUT}(?<![A-Za-z0-9])(?<!\d\.)(?<![A-Za-z]-)({_MANY}){_BEHIND}(?![A-Za-z])")
_CODE = re.compile(r"(?<![A-Za-z\d.-])\d{1,30}(?:[-.]\d{1,30}){2,}(?![A-Za-z\d])|(?<!\d)\d{16,}")
_SINO = re.compile(rf"(?<![가-힣\d])([{_WORDED}]{{2,30}}|[삼오육칠팔구십백천만](?=\s))(?:\s?여)?\s?({UNIT})")
_NATIVE = re.compile(
    rf"(?<![가-힣])(?:({'|'.join(NATIVE_TENS)})({'|'.join(NATIVE_ONES)})?|({'|'.join(NATIVE_ONES)}))"
    rf"(?:\s({UNIT})|(개월|시간|번째|가지|마리|[개명번살달])|(?<=[두세네섯곱덟홉])\s(?=[가-힣]))"
)
_FRACTION = re.compile(r"(\d{1,6})\s?분의\s?(\d{1,6})|절반|(?<![가-힣])(삼|사|오|십|백)\s?분의\s?(일|이|삼)")
_CLOCK = re.compile(
    r"(오전|새벽|아침|오후|저녁|밤)?\s?(?<!\d)(\d{1,2})\s?시(?!간|즌|대|작|장|민|내|도)(?:\s?(\d{1,2})\s?분|\s?(반)(?![가-힣]))?"
    r"|(?<![\d:])(\d{1,2}):(\d{2})(?![\d:])"
)
_LATIN = re.compile(r"(?<![A-Za-z0-9À-ɏ])(?:\d{1,6})?[A-Za-zÀ-ɏ][A-Za-z0-9À-ɏ]*(?:[-_.&+/'’][A-Za-z0-9]+)*")
_HANGUL, _LATIN_LETTER = re.compile(r"[가-힣]"), re.compile(r"[A-Za-z]")
_RUN = re.compile(r"[a-z0-9à-ɏ]+")
_IT = "그것"
"""Stands for a figure or a name in the rest of a Korean text, so that particles stay behind a word."""
_SMALL_WORDS = frozenset(
    (
        "a",
        "an",
        "and",
        "as",
        "at",
        "by",
        "for",
        "in",
        "is",
        "it",
        "of",
        "on",
        "or",
        "the",
        "to",
        "vs",
        "was",
        "with",
    )
)


@dataclass(frozen=True)
class Figure:
    value: Fraction
    unit: str
    """Empty where no unit is known; it then agrees with any."""
    about: bool = False
    """Whether it is said to be near (약 2천 미터)."""

    def agrees(self, other: Figure) -> bool:
        """Whether it says what another one holds."""
        if self.unit.startswith("시:") and other.unit.startswith("시:"):
            return self.value == other.value and (self.unit == other.unit or "시:" in (self.unit, other.unit))
        if not self.unit or not other.unit:
            return self._is(other.value)
        scale, base = in_base(Fraction(1), self.unit)
        held, other_base = in_base(other.value, other.unit)
        return base == other_base and self._is(held / scale)

    def _is(self, held: Fraction) -> bool:
        """Where it is said to be near, whether the other one rounds to it, and lies within a twentieth."""
        if not self.about or self.value.denominator > 1:
            return self.value == held
        digits = len(str(self.value)) - len(str(self.value).rstrip("0"))
        return abs(held - self.value) * 20 <= held and round(held / 10**digits) * 10**digits == self.value


@dataclass
class FactsInText:
    """What of a text has to stand in a source word for word."""

    figures: set[Figure] = field(default_factory=set)
    dates: set[CalendarDate] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    """Numbers that are no quantity: of telephones, versions and accounts."""
    names: set[str] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)
    """All Latin letters and digits that stand together, and each two neighbors as one."""
    rest: str = ""
    """The text without figures and dates, and where it is Korean without names."""

    def figure_stands(self, figure: Figure) -> bool:
        """As a figure, or as part of a date."""
        return any(figure.agrees(own) for own in self.figures) or any(
            figure.agrees(Figure(Fraction(part), unit))
            for date in self.dates
            for part, unit in ((date.year, "년"), (date.month, "월"), (date.day, "일"))
            if part is not None
        )

    def date_stands(self, date: CalendarDate) -> bool:
        if any(date.within(own) for own in self.dates):
            return True
        years = {own.year for own in self.dates} | {
            figure.value for figure in self.figures if not figure.unit
        }
        if date.year is None or date.year not in years:
            return False
        rest = CalendarDate(None, date.month, date.day)
        return rest.month is None or any(rest.within(own) for own in self.dates if own.year is None)

    def name_stands(self, name: str) -> bool:
        pieces = _RUN.findall(name)
        return "".join(pieces) in self.runs or all(
            piece in self.runs or piece.removesuffix("s") in self.runs for piece in pieces
        )


def facts_in(text: str) -> FactsInText:
    plain = unicodedata.normalize("NFKC", text.translate(_CIRCLED))
    facts = FactsInText()
    lower = plain.lower()
    runs = _RUN.findall(lower)
    facts.runs = {
        *runs,
        *(run.removesuffix("s") for run in runs),
        *(one + two for one, two in zip(runs, runs[1:], strict=False)),
    }
    facts.dates, plain = dates_in(plain)
    facts.codes = set(_CODE.findall(plain))
    plain = _CODE.sub(TAKEN, plain)
    for pattern, read in _READERS:
        facts.figures |= {figure for found in pattern.finditer(plain) for figure in read(found)}
        plain = pattern.sub(TAKEN, plain)
    korean = len(_HANGUL.findall(plain)) * 3 > len(_LATIN_LETTER.findall(plain))
    facts.names = set(_names(plain, korean))
    facts.rest = (_LATIN.sub(_IT, plain) if korean else plain).replace(TAKEN, f" {_IT}" if korean else " ")
    return facts


def _names(text: str, korean: bool) -> Iterator[str]:
    """In a Korean text every Latin word, in another those that are written as names."""
    for found in _LATIN.finditer(text):
        name = found.group()
        if name.lower() in _SMALL_WORDS or (len(name) == 1 and name.islower()):
            continue
        begins = not text[: found.start()].rstrip() if found.start() < 200 else False
        marked = any(letter.isupper() for letter in name[1:]) or any(letter.isdigit() for letter in name)
        if korean or marked or (name[0].isupper() and not begins):
            yield name.lower().removesuffix("'s").removesuffix("’s")


def _number(found: re.Match[str]) -> Iterator[Figure]:
    about, written, unit = found.groups()
    value = sino_value(written)
    if value is not None:
        yield Figure(value, unit_of(unit), about is not None)


def _sino(found: re.Match[str]) -> Iterator[Figure]:
    value = sino_value(found.group(1))
    if value is not None and not (found.group(1).isdigit()):
        yield Figure(value, unit_of(found.group(2)))


def _native(found: re.Match[str]) -> Iterator[Figure]:
    tens, ones, alone, unit, joined = found.groups()
    value = native_value(tens, ones or alone)
    if value > 1:
        yield Figure(Fraction(value), unit_of(unit or joined))


def _fraction(found: re.Match[str]) -> Iterator[Figure]:
    below, above, word_below, word_above = found.groups()
    if below is not None:
        if int(below):
            yield Figure(Fraction(int(above), int(below)) * 100, "%")
    elif word_below is not None:
        yield Figure(Fraction(sino_value(word_above) or 0) / (sino_value(word_below) or 1) * 100, "%")
    else:
        yield Figure(Fraction(50), "%")


def _clock(found: re.Match[str]) -> Iterator[Figure]:
    half, hour, minutes, thirty, hour_24, minutes_24 = found.groups()
    at = int(hour or hour_24)
    if half:
        afternoon = half in ("오후", "저녁") or (half == "밤" and at != 12)
        known = "pm" if afternoon else "am"
    else:
        known = "pm" if at > 12 else "am" if (hour_24 or "").startswith("0") else ""
    past = 30 if thirty else int(minutes or minutes_24 or 0)
    yield Figure(at % 12 + Fraction(past, 60), f"시:{known}")


_READERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Iterator[Figure]]], ...] = (
    (_FRACTION, _fraction),
    (_CLOCK, _clock),
    (_NUMBER, _number),
    (_SINO, _sino),
    (_NATIVE, _native),
)
