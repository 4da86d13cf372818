"""The sentence of a cause in a language: one wording per code and language, for pages and terminals alike.

The wordings lie in errors/en and errors/ko, a file per room. A fact is filled in with `{name}`, or in the way
that is named behind it: `{need:bytes}`, `{kind:word}`, `{names:quoted}`, `{names:or}`, `{faults:;}`,
`{at:place}`.
"""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from errors.cause import AS_WRITTEN, Cause

LANGUAGES = ("en", "ko")
FOLDER = Path(__file__).parent
_PLACES = {"line": "줄", "row": "행", "instance": "예시", "pair": "쌍", "answer": "답"}
_PLACE = re.compile(r"\b(line|row|instance|pair|answer) (\d+)")
"""Where a row lies in a file, as the readers of files name it; Korean counts such places."""
WORDS = "words"
"""The file of the few words that facts hold and that are another in each language."""
_PARTICLES = {
    "은(는)": ("은", "는"),
    "이(가)": ("이", "가"),
    "을(를)": ("을", "를"),
    "와(과)": ("과", "와"),
    "(이)라는": ("이라는", "라는"),
    "(이)나": ("이나", "나"),
    "(으)로": ("으로", "로"),
}
"""Korean particles by the sound before them: after a final consonant, and after a vowel. A name in Latin
letters or a number keeps both forms: how it is read aloud is not written."""
_BEFORE_PARTICLE = re.compile(r"(?<=[가-힣])(['\"”’]?)(" + "|".join(map(re.escape, _PARTICLES)) + ")")
_FINALS = 28
_RIEUL = 8


def wording(cause: Cause, language: str) -> str:
    """Never fails: a code that nobody knows here, as of a newer Narani, is shown plainly."""
    if cause.code == AS_WRITTEN:
        return str(cause.facts.get("sentence", ""))
    template = wordings(language).get(cause.code)
    try:
        if template is not None:
            said = _Filler(language).vformat(template, (), cause.facts)
            return _with_particles(said) if language == "ko" else said
    except (KeyError, ValueError, TypeError):
        pass  # the facts are of another version than the wording
    facts = ", ".join(f"{name}: {_said(value, '', language)}" for name, value in cause.facts.items())
    return f"{cause.code} ({facts})" if facts else cause.code


def is_worded(cause: Cause) -> bool:
    return cause.code == AS_WRITTEN or cause.code in wordings("en")


@cache
def wordings(language: str) -> Mapping[str, str]:
    """The wordings of a language by code."""
    found: dict[str, str] = {}
    for path in sorted((FOLDER / language).glob("*.toml")):
        if path.stem != WORDS:
            found |= tomllib.loads(path.read_text(encoding="utf-8"))
    return found


class _Filler(string.Formatter):
    def __init__(self, language: str) -> None:
        self._language = language

    def format_field(self, value: Any, format_spec: str) -> str:
        return _said(value, format_spec, self._language)


def _said(value: object, way: str, language: str) -> str:
    """A fact of a sentence that was written before facts were kept is a text already."""
    match value:
        case Cause():
            return wording(value, language)
        case Mapping():
            return ", ".join(f"{name} ({_said(each, way, language)})" for name, each in value.items())
        case str():
            return _text(value, way, language)
        case Sequence() if way == "or":
            either = " or " if language == "en" else "이나 "
            return either.join(f"'{each}'" for each in value)
        case Sequence():
            return ("; " if way == ";" else ", ").join(_said(each, way, language) for each in value)
        case int() | float() if way == "bytes":
            from settings import format_bytes  # not at the top: settings.py raises our errors

            return format_bytes(value)
    return format(value, way) if value is not None else "-"


def _text(value: str, way: str, language: str) -> str:
    if way == "quoted":
        return f"'{value}'"
    if way == "place" and language == "ko":
        return _PLACE.sub(lambda found: f"{found[2]}번째 {_PLACES[found[1]]}", value)
    return _words(language).get(value, value) if way == "word" else value


@cache
def _words(language: str) -> Mapping[str, str]:
    """English shows them as they are."""
    path = FOLDER / language / f"{WORDS}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _with_particles(sentence: str) -> str:
    return _BEFORE_PARTICLE.sub(
        lambda found: found[1] + _chosen(sentence[found.start() - 1], found[2]), sentence
    )


def _chosen(syllable: str, forms: str) -> str:
    final = (ord(syllable) - ord("가")) % _FINALS
    after_consonant = final != 0 and not (forms == "(으)로" and final == _RIEUL)
    return _PARTICLES[forms][0 if after_consonant else 1]
