"""The sentences of some sources that answer a question, found by their words alone: no model is asked.

The words of a question have to stand in a sentence, in its title or before it, the rare ones above all. A
question for a number, a day, a reason, a person or a place prefers sentences that hold one. Where the words
are lacking nothing is answered. Sentences are the source's own, without the marks of its own footnotes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from search.citations.checking import check_answer
from search.citations.marks import citation_marks
from search.citations.verdicts import Verdict
from search.records import SearchSource
from search.words import analyzer, content_of, normalized, sentences, shortened, squeezed

_ASKING = frozenset(
    ("얼마", "몇", "언제", "누구", "어디", "무엇", "뭐", "무슨", "어느", "어떤", "어떻", "어떠", "왜", "며칠")
    + (
        "알리",
        "알려주",
        "궁금",
        "말하",
        "말씀",
        "가르치",
        "설명",
        "주",
        "보",
        "대하",
        "관하",
        "이유",
        "까닭",
        "방법",
    )
    + (
        "정도",
        "가능",
        "가",
        "나오",
        "받",
        "싶",
        "알",
        "그",
        "저",
        "이런",
        "그런",
        "우리",
        "사람",
        "거",
        "건",
        "들",
    )
    + (
        "가장",
        "지금",
        "요즘",
        "옛날",
        "예전",
        "원래",
        "모두",
        "다시",
        "말",
        "뜻하",
        "년",
        "월",
        "일",
        "시간",
        "개",
        "번",
    )
)
"""They ask, and say little about what is asked for."""
_FIGURE = re.compile(
    r"\d|[이삼사오육칠팔구십백천만]{1,9} ?(?:명|개|년|원|시간|번|가지)"
    r"|하루|이틀|사흘|나흘|(?:두|세|네) (?!번째)"
)
_DAY = re.compile(r"\d\s*(?:년|월|일|세기|시|분)|[월화수목금토일]요일|매[주달년]|때|무렵")
_REASON = re.compile(r"때문|까닭|므로|위해|으려고|[해아어]서|이유")
_HINTS = (
    (re.compile(r"언제|며칠|몇 ?(?:년|월|일|시|세기)|날짜|요일"), _DAY),
    (re.compile(r"얼마|몇|높이|길이|넓이|깊이|무게|크기|나이|온도|거리|요금|가격|해발"), _FIGURE),
    (re.compile(r"왜|이유|까닭"), _REASON),
)
"""What a question that says the first is answered with."""
_WHO, _WHERE = re.compile(r"누가|누구|누굴"), re.compile(r"어디|어느 (?:나라|도시|곳|지역)")
_LEAD = re.compile(r"[ \t>]{0,40}(?:(?:#{1,6}|[-*+•·]|\d{1,3}[.)])[ \t]+)?[ \t]{0,40}")
_NO_PROSE = ("|", "```", "~~~")
_SHORTEST, _LONGEST = 6, 400
_LONGEST_HEADING = 60
_SENTENCE_END = re.compile(r"[다요죠까임음함됨][.!?…]?$|[.!?…:：]|\d")
"""How a line ends that is a sentence, or what else no heading holds: a figure, a key and its value."""
_NAME_TAGS = ("NNP", "SL", "SN")


@dataclass(frozen=True)
class ExtractSettings:
    """Chosen on the questions that ship, by `python -m benchmarks search-extracts`."""

    enough: float = 0.5
    """The share of the question's words, the rare ones counting more, from which sources hold an answer."""
    about: float = 0.2
    """What a sentence gains whose source is called by a word of the question."""
    near: float = 0.8
    """How good a further sentence has to be, of the best one."""
    own: float = 0.05
    """And how much of the question it has to hold itself, beyond its title, of what the best one does."""
    in_title: float = 0.8
    """What a word in the title counts, of one in the sentence."""
    before: float = 0.7
    """What a word in the heading or the sentence before counts."""
    hint: float = 0.25
    """What a sentence gains that holds the kind of thing that is asked for."""
    most: int = 3


SETTINGS = ExtractSettings()


@dataclass(frozen=True)
class ExtractedSentence:
    text: str
    n: int

    @property
    def cited(self) -> str:
        return f"{self.text} [{self.n}]"


@dataclass(frozen=True)
class _Candidate:
    sentence: ExtractedSentence
    words: frozenset[str]
    tags: frozenset[str]
    squeezed: str
    title: str
    before: str
    """The heading above it and the sentence before it."""


def extract(
    question: str, sources: Sequence[SearchSource], settings: ExtractSettings = SETTINGS
) -> tuple[ExtractedSentence, ...]:
    """The best sentences in the order of the sources; none where the sources do not hold the answer."""
    candidates = [each for source in sources for each in _candidates(source)]
    weights = {word: factor * _rarity(word, candidates) for word, factor in _asked(question).items()}
    if not candidates or not weights:
        return ()
    evidence = [_evidence(each, weights, settings) for each in candidates]
    scores = [
        share + settings.hint * _is_of_kind(question, each) + settings.about * (each.title in weights)
        for each, share in zip(candidates, evidence, strict=True)
    ]
    order = sorted(range(len(scores)), key=lambda at: -scores[at])
    if max(evidence) < settings.enough or evidence[order[0]] < settings.enough * 0.8:
        return ()
    least = settings.own * _own(candidates[order[0]], weights)
    once: dict[str, int] = {}  # neighboring passages share sentences
    for at in order:
        if scores[at] >= scores[order[0]] * settings.near and _own(candidates[at], weights) >= least:
            once.setdefault(candidates[at].squeezed, at)
    chosen = [at for at in once.values() if _is_supported(candidates[at].sentence, sources)]
    return tuple(candidates[at].sentence for at in sorted(chosen[: settings.most]))


def _candidates(source: SearchSource) -> Iterator[_Candidate]:
    """The whole sentences of a passage; a heading only tells what is below it."""
    heading = before = ""
    title = squeezed(source.title)
    lines = normalized(source.passage).split("\n")
    for at, line in enumerate(lines):
        lead = _LEAD.match(line)
        text = line[lead.end() if lead else 0 :].strip()
        if not text or line.lstrip().startswith("#") or _is_heading(lines, at):
            heading, before = text or heading, ""
        elif not text.startswith(_NO_PROSE):
            for sentence in sentences(shortened(text)):
                if _SHORTEST <= len(sentence) <= _LONGEST and sentence in text:
                    tokens = analyzer().tokenize(sentence)
                    yield _Candidate(
                        ExtractedSentence(_without_marks(sentence), source.n),
                        frozenset(content_of(tokens)),
                        frozenset(token.tag for token in tokens),
                        squeezed(sentence),
                        title,
                        squeezed(heading + before),
                    )
                before = sentence


def _is_heading(lines: Sequence[str], at: int) -> bool:
    """Whether a line is a short paragraph of its own that ends as no sentence does; also at the end of a
    passage, where the text below it stands in the next one."""
    line = lines[at].strip()
    alone = not any(each.strip() for each in (*lines[max(0, at - 1) : at], *lines[at + 1 : at + 2]))
    return alone and len(line) <= _LONGEST_HEADING and not _SENTENCE_END.search(line) and len(lines) > 1


def _without_marks(sentence: str) -> str:
    """A page's own footnotes are no numbers of our sources."""
    for mark in reversed(citation_marks(sentence)):
        sentence = sentence[: mark.start] + sentence[mark.end :]
    return sentence.strip()


def _is_supported(sentence: ExtractedSentence, sources: Sequence[SearchSource]) -> bool:
    """Whether its own check says so too, which fails questions and what reads as several sentences."""
    return all(each.verdict is Verdict.SUPPORTED for each in check_answer(sentence.cited, sources))


def _asked(question: str) -> dict[str, float]:
    """The words that say what the question is about, and how much each counts."""
    return {
        word: (1.5 if token.tag in _NAME_TAGS else 1.0) * (0.5 if len(word) == 1 else 1.0)
        for token in analyzer().tokenize(shortened(question))
        for word in content_of([token])
        if word not in _ASKING
    }


def _rarity(word: str, candidates: Sequence[_Candidate]) -> float:
    having = sum(word in each.words for each in candidates)
    return math.log(1 + (len(candidates) - having + 0.5) / (having + 0.5))


def _evidence(candidate: _Candidate, weights: Mapping[str, float], settings: ExtractSettings) -> float:
    """The share of the question that the sentence holds, its surroundings counting less."""
    held = sum(weight * _held(word, candidate, settings) for word, weight in weights.items())
    return held / sum(weights.values())


def _own(candidate: _Candidate, weights: Mapping[str, float]) -> float:
    """What of the question stands in the sentence itself, and not in the title of its source as well."""
    return sum(
        weight for word, weight in weights.items() if word in candidate.words and word not in candidate.title
    )


def _held(word: str, candidate: _Candidate, settings: ExtractSettings) -> float:
    if word in candidate.words or (len(word) > 1 and word in candidate.squeezed):
        return 1.0
    if word in candidate.title:
        return settings.in_title
    return settings.before if len(word) > 1 and word in candidate.before else 0.0


def _is_of_kind(question: str, candidate: _Candidate) -> bool:
    """Whether the sentence holds the kind of thing that the question asks for."""
    if any(asks.search(question) and has.search(candidate.sentence.text) for asks, has in _HINTS):
        return True
    if "NNP" not in candidate.tags:
        return False
    return bool(_WHO.search(question) or (_WHERE.search(question) and "JKB" in candidate.tags))
