"""What is found out about one sentence of an answer, and why: words that checks, pages and exports share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    SUPPORTED = "supported"
    WEAK = "weak"
    UNSUPPORTED = "unsupported"
    UNCITED = "uncited"


class Reason(StrEnum):
    """Why a sentence has its verdict; its words in each language are the page's."""

    IN_SOURCE = "in-source"
    FEW_WORDS = "few-words-in-source"
    """Figures and names stand in the source, of the other words only some."""
    OTHER_LANGUAGE = "other-language"
    """Sentence and source are written in different languages, so only figures and names were compared."""
    NO_SUCH_SOURCE = "no-such-source"
    FIGURE_MISSING = "figure-not-in-source"
    DATE_MISSING = "date-not-in-source"
    NAME_MISSING = "name-not-in-source"
    """A word in Latin letters does not stand in the source."""
    WORDS_MISSING = "words-not-in-source"
    NEGATED = "negated"
    """The sentence denies what the source says, or says what the source denies."""
    OTHER_SOURCE = "other-source-holds-it"
    """Not the cited source but another one holds it."""
    NO_CITATION = "no-citation"
    STATES_NOTHING = "states-nothing"
    """A greeting, question, heading or piece of code; it needs no source."""
    ABSTAINS = "not-in-sources"
    """The sentence says that the sources do not hold the answer."""


NOTHING_STATED = frozenset({Reason.STATES_NOTHING, Reason.ABSTAINS})


@dataclass(frozen=True)
class CheckedSentence:
    """A sentence as it stands in the answer, and what was found out about it."""

    text: str
    citations: tuple[int, ...]
    verdict: Verdict
    reason: Reason

    @property
    def states(self) -> bool:
        """Whether it says something that a source could support; only such sentences are counted."""
        return self.reason not in NOTHING_STATED
