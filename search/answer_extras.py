"""What is stored with an answer to a search: its sources and what was found out about every sentence.

`finish` is given to AskingService, which calls it before an answer is stored; pages, exports and the command
line read the same back as a `CheckedAnswer`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engines.base import Answer, AnswerRequest
from prompts.thinking import thinking_and_answer
from search.citations.addresses import invented_addresses
from search.citations.checking import check_answer
from search.citations.verdicts import CheckedSentence, Reason, Verdict
from search.records import ROOM, Searched, searched_of

INVENTED_ADDRESS = "invented-address"
NOT_CHECKED = "not-checked"
"""Checking broke; the answer stands as it came."""

_LIKELY = {
    Verdict.SUPPORTED: Reason.IN_SOURCE,
    Verdict.WEAK: Reason.FEW_WORDS,
    Verdict.UNSUPPORTED: Reason.WORDS_MISSING,
    Verdict.UNCITED: Reason.NO_CITATION,
}
"""What a reason is read as that only a newer Narani knows."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AnswerFlag:
    """Something about the whole answer that a reader should know."""

    code: str
    text: str = ""
    """Where it stands in the answer, word for word."""


@dataclass(frozen=True)
class CheckedAnswer:
    """An answer to a search as pages and exports show it."""

    searched: Searched
    sentences: tuple[CheckedSentence, ...] = ()
    """Empty where nothing was searched, for then there is nothing to cite."""
    flags: tuple[AnswerFlag, ...] = ()

    @property
    def support(self) -> float | None:
        """The share of supported sentences among those that state something; None where none does."""
        stating = [sentence for sentence in self.sentences if sentence.states]
        if not stating:
            return None
        return sum(sentence.verdict is Verdict.SUPPORTED for sentence in stating) / len(stating)

    @property
    def abstains(self) -> bool:
        """Whether it says that the sources do not hold the answer, and states nothing else."""
        reasons = {sentence.reason for sentence in self.sentences}
        return Reason.ABSTAINS in reasons and self.support is None

    def as_json(self) -> dict[str, Any]:
        return {
            **self.searched.as_json(),
            "sentences": [
                {
                    "text": sentence.text,
                    "citations": list(sentence.citations),
                    "verdict": str(sentence.verdict),
                    "reason": str(sentence.reason),
                }
                for sentence in self.sentences
            ],
            "flags": [{"code": flag.code, "text": flag.text} for flag in self.flags],
            "support": self.support,
        }


def finish(request: AnswerRequest, answer: Answer) -> Answer:
    """The answer with its sources and what was found out about it; unchanged where it is no search's."""
    searched = searched_of(request.extras)
    if searched is None:
        return answer
    said = thinking_and_answer(answer.text, answer.prompt).answer
    return replace(answer, extras={**answer.extras, ROOM: _check(searched, said).as_json()})


def checked_answer_of(extras: Mapping[str, object]) -> CheckedAnswer | None:
    """What stands in an answer's extras; None where nothing was searched. Keys, verdicts and reasons of a
    newer Narani are passed over."""
    searched, values = searched_of(extras), extras.get(ROOM)
    if searched is None or not isinstance(values, Mapping):
        return None
    return CheckedAnswer(
        searched,
        tuple(_sentence(each) for each in values.get("sentences", ()) if each["verdict"] in list(Verdict)),
        tuple(AnswerFlag(each["code"], each.get("text", "")) for each in values.get("flags", ())),
    )


def _check(searched: Searched, text: str) -> CheckedAnswer:
    if not searched.searched:
        return CheckedAnswer(searched)
    try:
        flags = tuple(
            AnswerFlag(INVENTED_ADDRESS, each) for each in invented_addresses(text, searched.sources)
        )
        return CheckedAnswer(searched, check_answer(text, searched.sources), flags)
    except Exception:  # noqa: BLE001 - an answer is never lost over the check of it
        _log.exception("the citations of an answer could not be checked")
        return CheckedAnswer(searched, flags=(AnswerFlag(NOT_CHECKED),))


def _sentence(values: Mapping[str, Any]) -> CheckedSentence:
    verdict = Verdict(values["verdict"])
    reason = values.get("reason")
    known = Reason(reason) if reason in list(Reason) else _LIKELY[verdict]
    citations: Sequence[int] = values["citations"]
    return CheckedSentence(values["text"], tuple(citations), verdict, known)
