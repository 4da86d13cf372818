"""Each sentence of an answer held against the sources that it cites, the cheapest check first.

1. The source exists. 2. Every figure, date and name in Latin letters stands in what is cited. 3. Enough of
the content words stand there too, and neither side denies what the other says. What cannot be seen: a
statement put together from true words, an antonym, what follows from a source without standing in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from search.citations.clauses import Clause, clauses
from search.citations.figures import FactsInText, facts_in
from search.citations.phrases import abstains
from search.citations.statements import Statement, statements
from search.citations.verdicts import CheckedSentence, Reason, Verdict
from search.records import SearchSource
from search.words import shortened, squeezed


@dataclass(frozen=True)
class Thresholds:
    """The shares of a sentence's content words from which on it counts. Chosen by
    `python -m search.citations.evaluation` on the labeled sentences that are for choosing."""

    supported: float = 0.6
    weak: float = 0.4
    same_statement: float = 0.65
    """A sentence of the source speaks of the same, so that the two can contradict."""


THRESHOLDS = Thresholds()
_HANGUL, _LATIN = re.compile(r"[가-힣]"), re.compile(r"[A-Za-z]")


@dataclass(frozen=True)
class _Compared:
    """What of a source is compared with sentences, made once however many answers cite it."""

    facts: FactsInText
    words: frozenset[str]
    squeezed: str
    korean: bool
    clauses: tuple[Clause, ...]


def check_answer(
    text: str, sources: Sequence[SearchSource], thresholds: Thresholds = THRESHOLDS
) -> tuple[CheckedSentence, ...]:
    """All sentences in order. Of one that states nothing only the numbers of its sources are checked."""
    by_number = {source.n: source for source in sources}
    return tuple(
        CheckedSentence(each.text, each.citations, *_verdict(each, by_number, thresholds))
        for each in statements(text)
    )


def _verdict(
    statement: Statement, sources: dict[int, SearchSource], thresholds: Thresholds
) -> tuple[Verdict, Reason]:
    if any(number not in sources for number in statement.citations):
        return Verdict.UNSUPPORTED, Reason.NO_SUCH_SOURCE
    if abstains(statement.plain):
        return Verdict.UNCITED, Reason.ABSTAINS
    if not statement.states:
        return Verdict.UNCITED, Reason.STATES_NOTHING
    if not statement.citations:
        return Verdict.UNCITED, Reason.NO_CITATION
    cited = [sources[number] for number in statement.citations]
    if _names_only(statement.plain, cited):
        return Verdict.UNCITED, Reason.STATES_NOTHING
    verdict, reason = _against(statement.plain, cited, thresholds)
    if verdict is Verdict.UNSUPPORTED:
        others = ([source] for source in sources.values() if source not in cited)
        if any(_against(statement.plain, other, thresholds)[0] is Verdict.SUPPORTED for other in others):
            return verdict, Reason.OTHER_SOURCE
    return verdict, reason


def _against(plain: str, cited: Sequence[SearchSource], thresholds: Thresholds) -> tuple[Verdict, Reason]:
    """What is found for a sentence in the sources together."""
    compared = [_compared(source.title, source.date, source.passage) for source in cited]
    said = facts_in(plain)
    missing = _missing(said, [each.facts for each in compared])
    if missing:
        return Verdict.UNSUPPORTED, missing
    own = clauses(said.rest)
    share = _share(frozenset(word for clause in own for word in clause.words), compared)
    if share < thresholds.weak:
        if all(each.korean != _korean(plain) for each in compared):
            return Verdict.WEAK, Reason.OTHER_LANGUAGE
        return Verdict.UNSUPPORTED, Reason.WORDS_MISSING
    if any(_contradicted(clause, compared, thresholds.same_statement) for clause in own):
        return Verdict.UNSUPPORTED, Reason.NEGATED
    if share < thresholds.supported:
        return Verdict.WEAK, Reason.FEW_WORDS
    return Verdict.SUPPORTED, Reason.IN_SOURCE


def _missing(said: FactsInText, held: Sequence[FactsInText]) -> Reason | None:
    if any(not any(facts.date_stands(date) for facts in held) for date in said.dates):
        return Reason.DATE_MISSING
    if any(not any(facts.figure_stands(figure) for facts in held) for figure in said.figures):
        return Reason.FIGURE_MISSING
    if any(not any(code in facts.codes for facts in held) for code in said.codes):
        return Reason.FIGURE_MISSING
    if any(not any(facts.name_stands(name) for facts in held) for name in said.names):
        return Reason.NAME_MISSING
    return None


def _share(words: frozenset[str], compared: Sequence[_Compared]) -> float:
    """How much of the words stands in the sources, as a morpheme or within a compound."""
    if not words:
        return 1.0
    standing = (word for word in words if any(_stands(word, each) for each in compared))
    return sum(map(_weight, standing)) / sum(map(_weight, words))


def _weight(word: str) -> float:
    """A single syllable is often only a piece of a word that the analyzer does not know."""
    return 1.0 if len(word) > 1 else 0.5


def _stands(word: str, source: _Compared) -> bool:
    return word in source.words or (len(word) > 1 and word in source.squeezed)


def _contradicted(clause: Clause, compared: Sequence[_Compared], same: float) -> bool:
    """Whether the clause of the sources that is most like it says yes where it says no, or no for yes."""
    shares = (
        (len(clause.words & other.words) / len(clause.words), other.denies == clause.denies)
        for each in compared
        for other in each.clauses
    )
    share, agrees = max(shares, default=(0.0, True))
    return share >= same and not agrees


def _names_only(plain: str, cited: Iterable[SearchSource]) -> bool:
    """Whether a line only says what the source is called, as in a list of sources."""
    line = squeezed(plain)
    return any(line in squeezed(f"{each.title}{each.site}{each.url}{each.date}") for each in cited)


@lru_cache(maxsize=256)
def _compared(title: str, date: str, passage: str) -> _Compared:
    text = shortened(f"{title}\n{date}\n{passage}")
    apart = clauses(text)
    words = frozenset(word for clause in apart for word in clause.words)
    return _Compared(facts_in(text), words, squeezed(text), _korean(text), apart)


def _korean(text: str) -> bool:
    return len(_HANGUL.findall(text)) * 2 > len(_LATIN.findall(text))
