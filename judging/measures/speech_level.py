"""The level of speech (높임) of each sentence, told by the ending of its last word.

`endings.toml` holds the endings. A sentence is what ends in a mark or in an ending of a level, so a heading
or a name in a list is none; one that ends in a noun (-음, -함) is a sentence without a level. 께서 and -시-
say who is honored in a sentence, not how it is spoken, and are not looked at.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import pairwise
from pathlib import Path

from judging.measures.prose import prose

_QUOTED = re.compile(
    r"""(?:["“”][^"“”\n]*["“”]|['‘’][^'‘’\n]*['‘’]|[「『《〈][^「『《〈」』》〉\n]*[」』》〉])"""
    r"(?=[가-힣]| (?:라고|이라고|라며|라는|하고|하며|하는))"
)
"""A quotation that the sentence goes on after. Another one is a sentence by itself."""
_BRACKETS = re.compile(r"\([^()\n]*\)|\[[^\[\]\n]*\]")
_END = re.compile(r"(?<![.!?。…])([.!?。…]++)(?=[\s가-힣\"'”’」』*_)]|$)")
_FINALS = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
_FIRST_FINAL = 0x11A8


class Level(StrEnum):
    """From the most formal; what is said in all is polite, 하오 and 하게 between, or familiar."""

    HAPSYO = "합쇼"
    HAEYO = "해요"
    HAO = "하오"
    HAGE = "하게"
    HAERA = "해라"
    HAE = "해"
    NONE = "none"


POLITE = frozenset({Level.HAPSYO, Level.HAEYO})
FAMILIAR = frozenset({Level.HAERA, Level.HAE})


@dataclass(frozen=True)
class SpeechLevels:
    """One level a sentence, in their order."""

    levels: tuple[Level, ...]

    def share(self, wanted: frozenset[Level]) -> float | None:
        """Of all sentences; None where there is none."""
        return sum(level in wanted for level in self.levels) / len(self.levels) if self.levels else None

    @property
    def polite(self) -> float | None:
        return self.share(POLITE)

    @property
    def familiar(self) -> float | None:
        return self.share(FAMILIAR)

    @property
    def switches(self) -> int:
        """How often it turns from polite to familiar speech or back, 하오 and 하게 being a third manner."""
        manners = [
            0 if level in POLITE else 1 if level in FAMILIAR else 2
            for level in self.levels
            if level is not Level.NONE
        ]
        return sum(before != after for before, after in pairwise(manners))


@dataclass(frozen=True)
class _Said:
    """A sentence, and the two levels between which its neighbors decide, or twice the same."""

    text: str
    alone: Level
    among_hage: Level


def speech_levels(text: str) -> SpeechLevels:
    said = [sentence for line in prose(text).splitlines() for sentence in _sentences(line)]
    return SpeechLevels(tuple(_decided(said)))


def _sentences(line: str) -> Iterator[_Said]:
    """Code points that are no words of a sentence are gone: quotations, brackets, the marks of Markdown."""
    bare = _BRACKETS.sub("", _QUOTED.sub("", line))
    pieces = _END.split(bare)
    for text, mark in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
        if any("가" <= letter <= "힣" for letter in text):
            alone, among_hage = _levels_of(_last_word(text), "?" in mark)
            if mark or alone is not Level.NONE:
                yield _Said(text, alone, among_hage)


def _last_word(text: str) -> str:
    """What is Hangul at its end; laughter (ㅋㅋ), marks and pictures are no part of it."""
    kept = "".join(each for each in text if each.isspace() or (each.isalnum() and not "ㄱ" <= each <= "ㅣ"))
    word = (kept.split() or [""])[-1]
    begins = next((at for at in range(len(word), 0, -1) if not "가" <= word[at - 1] <= "힣"), 0)
    return word[begins:]


def _levels_of(word: str, asks: bool) -> tuple[Level, Level]:
    endings, longest = _endings()
    spelled = "^" + unicodedata.normalize("NFD", word)
    for length in range(min(longest, len(spelled)), 0, -1):
        ending = spelled[-length:]
        found = (asks and endings.get(f"{ending}?")) or endings.get(ending)
        if found:
            return found
    return Level.NONE, Level.NONE


def _decided(said: Sequence[_Said]) -> Iterator[Level]:
    """Sentences in a row that could be either are 하게 together: where one of them says 자네, or where one
    beside them is 하게 for certain."""
    at = 0
    while at < len(said):
        end = at
        while end < len(said) and said[end].alone is not said[end].among_hage:
            end += 1
        row = said[at:end]
        beside = [*said[max(at - 1, 0) : at], *said[end : end + 1]]
        hage = any("자네" in each.text for each in (*row, *beside)) or any(
            each.alone is Level.HAGE for each in beside
        )
        yield from (each.among_hage if hage else each.alone for each in row)
        yield from (each.alone for each in said[end : end + 1])
        at = end + 1


@cache
def _endings() -> tuple[dict[str, tuple[Level, Level]], int]:
    """Ending, spelled in single letters, to its levels; and the length of the longest."""
    table = tomllib.loads((Path(__file__).parent / "endings.toml").read_text(encoding="utf-8"))
    found: dict[str, tuple[Level, Level]] = {}
    for name, endings in table.items():
        alone, _, other = name.partition("_or_")
        levels = Level[alone.upper()], Level[(other or alone).upper()]
        for ending in endings.split():
            found.update(dict.fromkeys(_spelled(ending), levels))
    return found, max(map(len, found))


def _spelled(ending: str) -> Iterator[str]:
    firsts, rest = ending[1:].split("]") if ending.startswith("[") else (ending[0], ending[1:])
    for first in firsts:
        final = _FINALS.find(first)
        letter = chr(_FIRST_FINAL + final) if final >= 0 else unicodedata.normalize("NFD", first)
        yield letter + unicodedata.normalize("NFD", rest)
