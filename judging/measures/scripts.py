"""In which scripts an answer is written: its share of Hangul, where it changes language, what is broken.

A word of another script is allowed where Korean text has such words: in brackets that explain the word
before them (대한민국(大韓民國)), as an acronym, a name with digits, a unit or a single letter, in quotation
marks, or where the question used it. Kana and Cyrillic are allowed by the question alone, Han by that or by
brackets; of the other scripts a single letter is (π).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from judging.measures.prose import prose

_EXPLAINED = re.compile(r"(?<=[가-힣ㄱ-ㅎㅏ-ㅣ])\([^()\n]*\)")
_QUOTED = re.compile(r"""["“”][^"“”\n]*["“”]|['‘’][^'‘’\n]*['‘’]""")
_UNSPACED = re.compile(r"[가-힣]{15,}")
_LONE_JAMO = re.compile(r"(?<=[가-힣])[ㄱ-ㅊㅌㅍㅏ-ㅟㅢㅣ](?=[가-힣])")
"""ㅋ, ㅎ, ㅠ, ㅜ and ㅡ stand between syllables as laughter and tears."""
_CONJOINING = re.compile("[\u1100-\u11ff]")
_UNIT = re.compile(r"[cghkmnt]?(?:a|ah|b|bps|cal|g|hz|l|m|pa|s|v|w|wh)|dpi|fps|ppm|pt|px|rpm")
_SCRIPTS = {"HIRAGANA": "Kana", "KATAKANA": "Kana", "CJK": "Han", "IDEOGRAPHIC": "Han"}
_NEVER_ALONE = frozenset({"Kana", "Han", "Cyrillic"})
"""Not even a single letter of them is a word of Korean text."""


@dataclass(frozen=True)
class SwitchSpan:
    """Letters of one script in a row, in a text whose language they are not."""

    script: str
    """Latin, Han, Kana, Cyrillic, Greek and so on."""
    text: str


@dataclass(frozen=True)
class _Word:
    script: str
    text: str
    begins: int

    @property
    def ends(self) -> int:
        return self.begins + len(self.text)


def hangul_share(text: str) -> float | None:
    """Hangul letters among all letters, brackets that explain a word left out; None without a letter."""
    letters = [each for each in _without_explanations(prose(text)) if each.isalpha()]
    return sum(_script(each) == "Hangul" for each in letters) / len(letters) if letters else None


def switch_spans(text: str, question: str = "") -> tuple[SwitchSpan, ...]:
    """Where another language is spoken, in the order of the text."""
    read = _without_explanations(prose(text))
    quoted = [match.span() for match in _QUOTED.finditer(read)]
    asked = {word.text.casefold() for word in _words(prose(question))}
    foreign = [
        word
        for word in _words(read)
        if word.script != "Hangul" and word.text.casefold() not in asked and not _allowed(word, read, quoted)
    ]
    return tuple(_joined(foreign, read))


def without_space(text: str) -> tuple[str, ...]:
    """Runs of 15 and more Hangul syllables."""
    return tuple(_UNSPACED.findall(prose(text)))


def broken(text: str) -> frozenset[str]:
    """`replaced`: a character was lost (U+FFFD); `jamo`: a letter alone inside a word; `decomposed`: NFD."""
    found = {
        "replaced": "\ufffd" in text,
        "jamo": _LONE_JAMO.search(prose(text)),
        "decomposed": _CONJOINING.search(text),
    }
    return frozenset(name for name, there in found.items() if there)


def _without_explanations(text: str) -> str:
    """Brackets after Hangul are left out, but for the scripts that they do not excuse."""
    return _EXPLAINED.sub(lambda match: _unexcused(match.group()), text)


def _unexcused(brackets: str) -> str:
    scripts = {_script(each) for each in brackets if each.isalpha()}
    return " " if scripts <= {"Latin", "Han"} else brackets


@cache
def _script(letter: str) -> str:
    if "가" <= letter <= "힣" or "ㄱ" <= letter <= "ㆎ" or "\u1100" <= letter <= "\u11ff":
        return "Hangul"
    name = unicodedata.name(letter, "UNKNOWN")
    name = name.removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ").split()[0].partition("-")[0]
    return _SCRIPTS.get(name, name.capitalize())


def _words(text: str) -> Iterator[_Word]:
    """Letters of one script without anything between them."""
    for script, letters in groupby(
        enumerate(text), lambda each: _script(each[1]) if each[1].isalpha() else ""
    ):
        if script:
            held = list(letters)
            yield _Word(script, "".join(letter for _, letter in held), held[0][0])


def _allowed(word: _Word, text: str, quoted: list[tuple[int, int]]) -> bool:
    if len(word.text) == 1:
        return word.script not in _NEVER_ALONE
    if word.script != "Latin" or word.text.isupper() or _UNIT.fullmatch(word.text.casefold()):
        return word.script == "Latin"
    before, after = text[: word.begins][-2:], text[word.ends :][:2]
    in_name = after.lstrip("-")[:1].isdigit() or before.rstrip("-")[-1:].isdigit()
    return in_name or any(begins < word.begins < ends for begins, ends in quoted)


def _joined(words: list[_Word], text: str) -> Iterator[SwitchSpan]:
    """Words of one script with nothing but spaces between them are one span."""
    span: _Word | None = None
    for word in words:
        if span and span.script == word.script and _is_joint(text[span.ends : word.begins]):
            span = _Word(span.script, text[span.begins : word.ends], span.begins)
            continue
        if span:
            yield SwitchSpan(span.script, span.text)
        span = word
    if span:
        yield SwitchSpan(span.script, span.text)


def _is_joint(between: str) -> bool:
    """Spaces and hyphens, and the marks that some scripts set on their letters."""
    return all(each.isspace() or each in "'’-" or unicodedata.category(each)[0] == "M" for each in between)
