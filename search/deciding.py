"""Whether a question is searched for: what the person set, then the rules, then a model's yes or no.

Knows: modes, the leading `/`, when a model is believed, and the reason of each decision as a cause.
Refuses to know: which words the rules look for, how a model is asked, and what a search does.

Where in doubt it is searched: sources that help nobody cost seconds, an answer without them may be wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from errors import Cause, NaraniError, Stopped
from search.routing_rules import verdict_of_rules

YES, NO = "예", "아니요"
_TOLD_APART = 1.0
"""How many times likelier (as a natural logarithm) a model must find a yes for each plain search than for any
plain talk, before its yes and no say anything."""
_DOUBT = 0.15
"""Within so much of half a chance the model does not know either."""
_PLAIN_SEARCHES = (
    "오늘 서울 날씨가 어떤지 알려 주세요.",
    "경복궁은 몇 년에 지어졌나요?",
    "육아휴직은 며칠까지 쓸 수 있습니까?",
)
_PLAIN_TALK = (
    "안녕하세요, 만나서 반갑습니다.",
    "고마워요, 큰 도움이 됐어요.",
    "심심한데 재미있는 이야기 하나 지어 줘.",
)
"""What any model that can tell tells apart. Several of each: one pair is told apart by chance."""
_ASKED = (
    "다음 말에 제대로 답하려면 문서나 웹에서 찾아봐야 합니까? 사실, 소식, 규정을 물으면 '{yes}', "
    "인사나 잡담이거나 글을 지어 달라는 말이면 '{no}'라고만 답하세요.\n말: {question}"
)
_LONGEST = 500
"""So many characters of a question tell what it asks for."""


class SearchMode(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True)
class Likelihoods:
    """How likely a model finds each of the words it was given, as natural logarithms."""

    model: str
    """As people are shown it."""
    of: Mapping[str, float]


AskModel = Callable[[str, tuple[str, ...]], Likelihoods]
"""Asks the model how likely each of the words is as its answer to a question. It raises a `NaraniError` where
the model cannot say."""


@dataclass(frozen=True)
class Decision:
    """`question` is what is asked: the person's, without the sign that it is to be searched for."""

    searched: bool
    why: Cause
    question: str


def decide(
    question: str,
    mode: SearchMode = SearchMode.AUTO,
    ask_model: AskModel | None = None,
    earlier_questions: Sequence[str] = (),
) -> Decision:
    """`ask_model` is asked only where no rule holds; a `Stopped` of it is raised on."""
    without_sign = _without_sign(question)
    if without_sign is not None:
        return Decision(True, Cause("search-why-sign"), without_sign)
    if mode is not SearchMode.AUTO:
        searched = mode is SearchMode.ALWAYS
        return Decision(searched, Cause("search-why-always" if searched else "search-why-never"), question)
    verdict = verdict_of_rules(question, earlier_questions[-1] if earlier_questions else "")
    if verdict is not None:
        return Decision(verdict.searched, verdict.why, question)
    if ask_model is None:
        return Decision(True, Cause("search-why-doubt"), question)
    try:
        return _by_model(question, ask_model)
    except Stopped:
        raise
    except NaraniError as problem:
        return Decision(True, Cause("search-why-model-failed", reason=problem.cause), question)


def _without_sign(question: str) -> str | None:
    """The question behind a leading `/`; None where there is no such sign. A path (`/etc/hosts`) or a
    comment (`//`) at the beginning is none: another slash stands in the same word."""
    text = question.lstrip()
    if not text.startswith(("/", "／")):
        return None
    first = text[1:].split(maxsplit=1)[0] if text[1:].strip() else ""
    if not text[1:2].isspace() and "/" in first:
        return None
    return text[1:].strip()


def _by_model(question: str, ask_model: AskModel) -> Decision:
    """A model is believed where it tells plain searches from plain talk, and measured from between the two:
    small ones prefer one of the words whatever they are asked."""
    search = min(_leaning(ask_model, plain)[1] for plain in _PLAIN_SEARCHES)
    talk = max(_leaning(ask_model, plain)[1] for plain in _PLAIN_TALK)
    model, leaning = _leaning(ask_model, question)
    if not search - talk >= _TOLD_APART:
        return Decision(True, Cause("search-why-model-cannot-tell", model=model), question)
    yes = 1 / (1 + math.exp(-max(-50.0, min(50.0, leaning - (search + talk) / 2))))
    percent = round(100 * yes)
    if abs(yes - 0.5) < _DOUBT:
        return Decision(True, Cause("search-why-model-in-doubt", model=model, yes=percent), question)
    searched = yes > 0.5
    return Decision(
        searched,
        Cause(
            "search-why-model-yes" if searched else "search-why-model-no",
            model=model,
            yes=percent,
            no=100 - percent,
        ),
        question,
    )


def _leaning(ask_model: AskModel, question: str) -> tuple[str, float]:
    """The model's name, and how many times likelier a yes is than a no, as a natural logarithm."""
    asked = _ASKED.format(yes=YES, no=NO, question=question[:_LONGEST])
    found = ask_model(asked, (YES, NO))
    return found.model, found.of[YES] - found.of[NO]
