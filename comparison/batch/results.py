"""What a batch came to, as plain rows: for tables, a heat map and a summary of each model.

Knows: which figures an answer has, how rows are narrowed, and when an answer holds what was expected.
Refuses to know: how anything is drawn, where answers are stored, and what a model is called.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import fmean, median
from unicodedata import normalize

from comparison.scoring import score_of
from engines.base import Measures
from errors import Cause
from history.records import StoredAnswer, StoredRun
from prompts.thinking import thinking_and_answer

ExpectedAnswers = Mapping[tuple[str, str], str]
"""What is expected, by question and input."""


@dataclass(frozen=True)
class ResultRow:
    """One question to one model; without an answer where it was not asked yet."""

    number: int
    """The place of the question in the batch, from 1."""
    run_id: str
    question: str
    input: str
    model_id: str
    finish_reason: str = ""
    text: str = ""
    cause: Cause | None = None
    measures: Measures = Measures()
    expected: str = ""
    as_expected: bool | None = None
    """Whether the text holds what was expected; None where nothing was, or nothing was answered."""
    score: float | None = None
    """By the reward model that the batch was asked with."""

    @property
    def answered(self) -> bool:
        return self.finish_reason not in ("", "failed")

    @property
    def characters(self) -> int | None:
        return len(self.text) if self.answered else None


@dataclass(frozen=True)
class ResultFilter:
    """Which rows to show; what is left empty does not narrow."""

    models: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    failed_only: bool = False
    words: str = ""


@dataclass(frozen=True)
class ModelSummary:
    model_id: str
    answers: int
    failed: int
    mean_characters: float | None
    median_tokens_per_second: float | None
    median_seconds_to_first_text: float | None
    shares: Mapping[str, float]
    """The share of each finish reason among the answers."""
    expected_share: float | None
    """The share of answers that contain what was expected, among those where something was."""
    mean_score: float | None = None
    median_waiting_seconds: float | None = None


class Measure(StrEnum):
    CHARACTERS = "characters"
    TOKENS_PER_SECOND = "tokens_per_second"
    SECONDS_TO_FIRST_TEXT = "seconds_to_first_text"
    FINISH_REASON = "finish_reason"
    SCORE = "score"

    def of(self, row: ResultRow) -> float | str | None:
        if self is Measure.FINISH_REASON:
            return row.finish_reason or None
        if self is Measure.CHARACTERS:
            return row.characters
        if self is Measure.SCORE:
            return row.score
        if self is Measure.SECONDS_TO_FIRST_TEXT:
            return first_text(row.measures) if row.answered else None
        return getattr(row.measures, self.value) if row.answered else None


def first_text(measures: Measures) -> float | None:
    """The model's own seconds to its first text; with waiting where that was not measured yet."""
    own = measures.own_seconds_to_first_text
    return measures.seconds_to_first_text if own is None else own


def result_rows(runs: Iterable[StoredRun], expected: ExpectedAnswers) -> tuple[ResultRow, ...]:
    """Question by question, the models in the order picked."""
    return tuple(row for number, run in enumerate(runs, start=1) for row in _rows(number, run, expected))


def narrowed(rows: Iterable[ResultRow], wanted: ResultFilter) -> tuple[ResultRow, ...]:
    return tuple(filter(_fits(wanted), rows))


def summaries(rows: Sequence[ResultRow]) -> tuple[ModelSummary, ...]:
    by_model: dict[str, list[ResultRow]] = {}
    for row in rows:
        by_model.setdefault(row.model_id, []).append(row)
    return tuple(_summary(model_id, of_model) for model_id, of_model in by_model.items())


def holds(text: str, expected: str) -> bool:
    """Whether a text holds an expected answer, however it is spaced and whatever commas its numbers have.
    12 is not held by 120."""
    start = r"(?<!\d)(?<!\d\.)" if expected[:1].isdigit() else ""
    end = r"(?!\d)(?!\.\d)" if expected[-1:].isdigit() else ""
    return re.search(f"{start}{re.escape(_bare(expected))}{end}", _bare(text)) is not None


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", re.sub(r"(?<=\d),(?=\d{3})", "", normalize("NFC", text))).casefold()


def _rows(number: int, run: StoredRun, expected: ExpectedAnswers) -> Iterator[ResultRow]:
    answers = {answer.position: answer for answer in run.answers}
    for position, request in enumerate(run.head.requests):
        turn = request.conversation.turns[-1]
        asked = ResultRow(number, run.head.id, turn.question, turn.input, request.model_id)
        yield _answered(asked, answers.get(position), expected.get((turn.question, turn.input), ""))


def _answered(asked: ResultRow, stored: StoredAnswer | None, expected: str) -> ResultRow:
    answer = stored.answer if stored is not None else None
    if answer is None:
        return asked
    said = thinking_and_answer(answer.text, answer.prompt).answer
    reason, scored = answer.finish_reason.value, score_of(answer.extras)
    return replace(
        asked,
        finish_reason=reason,
        text=said,
        cause=answer.cause,
        measures=answer.measures,
        expected=expected,
        as_expected=holds(said, expected) if expected and reason != "failed" else None,
        score=None if scored is None else scored[1],
    )


def _fits(wanted: ResultFilter) -> Callable[[ResultRow], bool]:
    words = normalize("NFC", wanted.words).casefold()

    def fits(row: ResultRow) -> bool:
        return (
            (not wanted.models or row.model_id in wanted.models)
            and (not wanted.reasons or row.finish_reason in wanted.reasons)
            and (not wanted.failed_only or row.finish_reason == "failed")
            and (not words or words in normalize("NFC", f"{row.question}\n{row.text}").casefold())
        )

    return fits


def _summary(model_id: str, rows: Sequence[ResultRow]) -> ModelSummary:
    answered = [row for row in rows if row.answered]
    reasons = Counter(row.finish_reason for row in rows if row.finish_reason)
    judged = [row.as_expected for row in rows if row.as_expected is not None]
    measures = [row.measures for row in answered]
    speeds = [one.tokens_per_second for one in measures if one.tokens_per_second is not None]
    scores = [row.score for row in rows if row.score is not None]
    firsts = [first for one in measures if (first := first_text(one)) is not None]
    waits = [one.waiting_seconds for one in measures if one.waiting_seconds is not None]
    return ModelSummary(
        model_id,
        answers=len(answered),
        failed=reasons["failed"],
        mean_characters=fmean(len(row.text) for row in answered) if answered else None,
        median_tokens_per_second=median(speeds) if speeds else None,
        median_seconds_to_first_text=median(firsts) if firsts else None,
        median_waiting_seconds=median(waits) if waits else None,
        shares={reason: count / reasons.total() for reason, count in reasons.items()},
        expected_share=sum(judged) / len(judged) if judged else None,
        mean_score=fmean(scores) if scores else None,
    )
