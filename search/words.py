"""Korean text as what it is searched and compared by: content morphemes, character bigrams and sentences.

One analyzer for indexing, ranking, rewriting and checking citations, so that all of them mean the same words.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kiwipiepy import Kiwi, Token

_CONTENT = ("NN", "NR", "VV", "VA", "MM", "XR", "SL", "SH", "SN", "W_")
"""Tags of morphemes that say what a text is about; particles, endings and marks are left out."""
_NOUNS = ("NNG", "NNP", "SL", "SH", "SN")
_LIGHT = {"하", "되", "있", "없", "이", "것", "수", "등", "때", "중", "곳"}
"""They stand in every text and tell none apart."""
_RUN_OF_LETTERS = re.compile(r"[0-9a-z가-힣]+")
_LONGEST_RUN = re.compile(r"(\S{100})\S+")
_MOST_CHARACTERS = 20_000
_lock = threading.Lock()


@cache
def _analyzer() -> Kiwi:
    from kiwipiepy import Kiwi  # not at the top: it takes a second and 200 MB, which plain asking never needs

    return Kiwi(num_workers=1)


def analyzer() -> Kiwi:
    """The one of this process; made by whoever comes first."""
    with _lock:
        return _analyzer()


def normalized(text: str) -> str:
    """Composed Hangul, so that text from a Mac's file names and from a page are the same text."""
    return unicodedata.normalize("NFC", text)


def shortened(text: str) -> str:
    """Text that the analyzer reads in moments: of a run that nobody writes its beginning."""
    return _LONGEST_RUN.sub(r"\1", normalized(text[:_MOST_CHARACTERS]))


def squeezed(text: str) -> str:
    """Letters and digits alone, so that a word is also found within a compound or written apart."""
    return re.sub(r"\W+", "", text.lower())


def content_words(text: str) -> list[str]:
    """The content morphemes in order, Latin letters small; the same word stands as often as it is said."""
    return content_of(analyzer().tokenize(normalized(text)))


def content_of(tokens: Iterable[Token]) -> list[str]:
    """The content morphemes among tokens that were made already."""
    return [
        token.form.lower() for token in tokens if token.tag.startswith(_CONTENT) and token.form not in _LIGHT
    ]


def nouns(text: str) -> list[str]:
    tokens = analyzer().tokenize(normalized(text))
    return [token.form for token in tokens if token.tag in _NOUNS and token.form not in _LIGHT]


def bigrams(text: str) -> list[str]:
    """Pairs of neighboring characters within words; a word of one character stands alone."""
    runs = _RUN_OF_LETTERS.findall(normalized(text).lower())
    return [run[at : at + 2] for run in runs for at in range(max(1, len(run) - 1))]


def sentences(text: str) -> list[str]:
    """Sentences as they stand in the text; a `[1]` behind one stays with it."""
    return [found.text for found in analyzer().split_into_sents(normalized(text)) if found.text.strip()]
