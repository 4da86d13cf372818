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

from search.citations.figures import FactsInText, facts_in
from search.citations.phrases import abstains
from search.citations.statements import Statement, statements
from search.citations.verdicts import CheckedSentence, Reason, Verdict
from search.records import SearchSource
from search.words import analyzer, content_words, sentences

ENOUGH_WORDS, SOME_WORDS = 0.7, 0.45
"""The share of a sentence's content words that stand in the source from which it is supported, and from which
it is weak. Chosen by `python -m search.citations.evaluation` on the labeled sentences for choosing."""
SAME_SENTENCE = 0.65
"""From this share on a sentence of the source speaks of the same, so that the two can contradict."""
_MOST_CHARACTERS = 20_000
_LONGEST_RUN = re.compile(r"(\S{100})\S+")
_HANGUL, _LATIN = re.compile(r"[가-힣]"), re.compile(r"[A-Za-z]")


@dataclass(frozen=True)
class _Compared:
    """What of a source is compared with sentences, made once however many answers cite it."""

    facts: FactsInText
    words: frozenset[str]
    squeezed: str
    korean: bool
    sentences: tuple[tuple[frozenset[str], bool], ...]
    """The words of each, and whether it denies something."""


def check_answer(text: str, sources: Sequence[SearchSource]) -> tuple[CheckedSentence, ...]:
    """All sentences in order. Of one that states nothing only the numbers of its sources are checked."""
    by_number = {source.n: source for source in sources}
    return tuple(_checked(statement, by_number) for statement in statements(text))


def _checked(statement: Statement, sources: dict[int, SearchSource]) -> CheckedSentence:
    verdict, reason = _verdict(statement, sources)
    return CheckedSentence(statement.text, statement.citations, verdict, reason)


def _verdict(statement: Statement, sources: dict[int, SearchSource]) -> tuple[Verdict, Reason]:
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
    verdict, reason = _against(statement.plain, cited)
    if verdict is Verdict.UNSUPPORTED:
        others = [source for source in sources.values() if source not in cited]
        if any(_against(statement.plain, [other])[0] is Verdict.SUPPORTED for other in others):
            return verdict, Reason.OTHER_SOURCE
    return verdict, reason


def _against(plain: str, cited: Sequence[SearchSource]) -> tuple[Verdict, Reason]:
    """What is found for a sentence in the sources together."""
    compared = [_compared(source.title, source.date, source.passage) for source in cited]
    said = facts_in(plain)
    missing = _missing(said, [each.facts for each in compared])
    if missing:
        return Verdict.UNSUPPORTED, missing
    words = _words(said.rest)
    share = _share(words, compared)
    if share < SOME_WORDS:
        if all(each.korean != _korean(plain) for each in compared):
            return Verdict.WEAK, Reason.OTHER_LANGUAGE
        return Verdict.UNSUPPORTED, Reason.WORDS_MISSING
    if _contradicted(plain, words, compared):
        return Verdict.UNSUPPORTED, Reason.NEGATED
    if share < ENOUGH_WORDS:
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
    return sum(any(_stands(word, each) for each in compared) for word in words) / len(words)


def _stands(word: str, source: _Compared) -> bool:
    return word in source.words or (len(word) > 1 and word in source.squeezed)


def _contradicted(plain: str, words: frozenset[str], compared: Sequence[_Compared]) -> bool:
    """Whether the sentence of the sources that is most like it says yes where it says no, or no for yes."""
    best = max(
        (
            (len(words & own) / max(1, len(words)), denies)
            for each in compared
            for own, denies in each.sentences
        ),
        default=(0.0, False),
    )
    return best[0] >= SAME_SENTENCE and best[1] != _denies(plain)


def _names_only(plain: str, cited: Iterable[SearchSource]) -> bool:
    """Whether a line only says what the source is called, as in a list of sources."""
    squeezed = _squeezed(plain)
    return any(squeezed in _squeezed(f"{each.title}{each.site}{each.url}{each.date}") for each in cited)


@lru_cache(maxsize=256)
def _compared(title: str, date: str, passage: str) -> _Compared:
    text = _LONGEST_RUN.sub(r"\1", f"{title}\n{date}\n{passage}"[:_MOST_CHARACTERS])
    apart = tuple((_words(sentence), _denies(sentence)) for sentence in sentences(text))
    return _Compared(
        facts_in(text),
        frozenset(word for words, _ in apart for word in words),
        _squeezed(text),
        _korean(text),
        apart,
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(content_words(_LONGEST_RUN.sub(r"\1", text[:_MOST_CHARACTERS])))


def _denies(text: str) -> bool:
    """Whether an odd number of its words deny: two of them (없지 않다) say yes."""
    tokens = analyzer().tokenize(_LONGEST_RUN.sub(r"\1", text[:_MOST_CHARACTERS]))
    return sum((token.form, token.tag) in _DENYING for token in tokens) % 2 == 1


_DENYING = {
    ("않", "VX"),
    ("못하", "VX"),
    ("없", "VA"),
    ("아니", "VCN"),
    ("안", "MAG"),
    ("못", "MAG"),
    ("말", "VX"),
}


def _korean(text: str) -> bool:
    return len(_HANGUL.findall(text)) * 2 > len(_LATIN.findall(text))


def _squeezed(text: str) -> str:
    return re.sub(r"\W+", "", text.lower())
