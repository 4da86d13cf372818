"""An answer taken apart into its sentences, each with the sources it names and whether it states anything.

A mark belongs to the sentence it stands in or behind, also behind the period. Marks on a line of their own
belong to every sentence of the paragraph, list or table above that has none. Lists, tables and code are seen
as Markdown has them; a row of a table is one sentence, a block of code is one that states nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from search.citations.marks import CitationMark, citation_marks
from search.citations.phrases import states_nothing
from search.words import normalized, sentences

_FENCE = re.compile(r"[ \t]{0,3}(`{3,}|~{3,})")
_LEAD = re.compile(r"[ \t>]{0,40}(?:(#{1,6})[ \t]+|(?:[-*+•·▪]|\d{1,3}[.)])[ \t]+)?")
_RULE = frozenset("|:-=*_ \t")
"""A line under the head of a table, or across the page, is made of these alone."""
_TARGET = re.compile(r"\]?\(\s?[^()\s]{1,2000}(?:\([^()\s]{0,200}\)[^()\s]{0,200})?\)")
_NO_MORE = re.compile(r"(?:\W|출처|참고|자료|sources?|references?)*", re.IGNORECASE)
_WORD = re.compile(r"[가-힣A-Za-z0-9]")
_LONGEST_WORD = 500
"""A line with a longer run without a space is nobody's prose; it is one sentence."""
_PIECE = 2000


@dataclass(frozen=True)
class Statement:
    """One sentence as it stands in the answer."""

    text: str
    citations: tuple[int, ...]
    plain: str
    """Without its marks, and without what Markdown puts before it."""
    states: bool = True
    """False of code, headings, greetings and questions."""


def statements(text: str) -> list[Statement]:
    """In the order of the answer; the texts stand in the answer's composed form (NFC) as they are."""
    found: list[Statement] = []
    block = 0
    for kind, line in _lines(normalized(text)):
        if kind == "rule" and found and found[-1].text.startswith("|"):
            found[-1] = replace(found[-1], states=False)
        elif kind == "code":
            found.append(Statement(line, (), line, states=False))
        elif kind == "marks":
            found[block:] = _cited_below(found[block:], line)
            block = len(found)
        elif kind in ("first", "text"):
            block = len(found) if kind == "first" else block
            found += _of_line(line)
    return found


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Each line and what it is; a block of code is one line, "first" begins a paragraph."""
    code: list[str] = []
    fence, before = "", "blank"
    for line in text.split("\n"):
        opened = _FENCE.match(line)
        if fence:
            code.append(line)
            if opened and opened.group(1).startswith(fence) and not line.strip().strip(fence[0]):
                yield "code", "\n".join(code)
                fence, code = "", []
        elif opened:
            fence, code = opened.group(1), [line]
        else:
            kind = _kind(line)
            yield ("first" if kind == "text" and before == "blank" else kind), line
            before = kind
    if code:
        yield "code", "\n".join(code)


def _kind(line: str) -> str:
    if not line.strip():
        return "blank"
    if _RULE.issuperset(line):
        return "rule"
    marks = citation_marks(line)
    return "marks" if marks and _NO_MORE.fullmatch(_kept(line, 0, marks)[0]) else "text"


def _cited_below(above: list[Statement], line: str) -> list[Statement]:
    """Those above with the numbers of a line of marks, unless they have their own."""
    numbers = _numbers(citation_marks(line))
    shown = line.strip()
    cited = [
        replace(each, citations=numbers) if each.states and not each.citations else each for each in above
    ]
    return [*cited, Statement(shown, numbers, shown, states=False)]


def _of_line(line: str) -> Iterator[Statement]:
    if line.strip().startswith("|"):
        marks = citation_marks(line)
        plain = _kept(line, 0, marks)[0].replace("|", " ").strip()
        yield Statement(line.strip(), _numbers(marks), plain)
        return
    lead = _LEAD.match(line)
    start = lead.end() if lead else 0
    heading = bool(lead and lead.group(1))
    for begin, end, plain, numbers in _sentences(line, start):
        plain = plain.replace("**", "").replace("__", "").strip(" \t*_")
        yield Statement(line[begin:end], numbers, plain, not (heading or states_nothing(plain)))


def _numbers(marks: Iterable[CitationMark]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(number for mark in marks for number in mark.numbers))


def _sentences(line: str, start: int) -> Iterator[tuple[int, int, str, tuple[int, ...]]]:
    """Begin, end, text without marks, and the numbers of each sentence. The marks are taken out first, so
    that they never move the border of a sentence."""
    marks = [mark for mark in citation_marks(line) if mark.start >= start]
    plain, places = _kept(line, start, marks)
    borders = _borders(plain)
    spans = [(places[first], places[last - 1] + 1) for first, last in borders]
    for (first, last), (begin, end), own in zip(
        borders, spans, _owned(line, start, marks, spans), strict=True
    ):
        begin, end = min([begin, *(mark.start for mark in own)]), max([end, *(mark.end for mark in own)])
        yield begin, end, plain[first:last], _numbers(own)


def _owned(
    line: str, start: int, marks: list[CitationMark], spans: list[tuple[int, int]]
) -> list[list[CitationMark]]:
    """The marks of each sentence. Where a line begins with a mark and ends without one, marks stand before
    their sentences."""
    begins = bool(marks) and not line[start : marks[0].start].strip()
    before = begins and bool(_WORD.search(line, marks[-1].end))
    owned: list[list[CitationMark]] = [[] for _ in spans]
    at = 0
    for mark in marks if spans else ():
        while at + 1 < len(spans) and (spans[at][1] <= mark.end if before else spans[at + 1][0] < mark.start):
            at += 1
        owned[at].append(mark)
    return owned


def _kept(line: str, start: int, marks: list[CitationMark]) -> tuple[str, list[int]]:
    """The line without its marks and the addresses they link to, and where each of its characters stood."""
    places: list[int] = []
    at = start
    for mark in marks:
        places += range(at, mark.start)
        target = _TARGET.match(line, mark.end)
        at = target.end() if target else mark.end
    places += range(at, len(line))
    return "".join(line[place] for place in places), places


def _borders(plain: str) -> list[tuple[int, int]]:
    """Begin and end of each sentence."""
    if not plain.strip():
        return []
    whole = (len(plain) - len(plain.lstrip()), len(plain.rstrip()))
    if max(map(len, plain.split())) > _LONGEST_WORD:
        return [whole]
    borders, at = [], 0
    for piece in _pieces(plain):
        for sentence in sentences(piece):
            begin = plain.find(sentence, at)
            if begin < 0:
                return [whole]
            at = begin + len(sentence)
            borders.append((begin, at))
    return borders


def _pieces(plain: str) -> Iterator[str]:
    """A long line in pieces that end at a period, or else at a space: the analyzer's time grows faster than
    the text."""
    at = 0
    while len(plain) - at > _PIECE:
        cut = max(plain.rfind(end, at + 1, at + _PIECE) for end in (". ", "다 ", "? ", "! "))
        cut = (plain.rfind(" ", at, at + _PIECE) if cut < 0 else cut + 1) + 1
        yield plain[at:cut]
        at = cut
    yield plain[at:]
