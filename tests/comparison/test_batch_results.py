"""What a batch came to: rows, filters, summaries, measures. Run: python -m pytest tests/comparison"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from comparison.batch.results import Measure, ResultFilter, ResultRow, narrowed, result_rows, summaries
from engines.base import Answer, AnswerRequest, FinishReason, GenerationSettings, Measures
from errors import AS_WRITTEN, Cause
from history.records import RunHead, StoredAnswer, StoredRun, StoredState
from prompts.conversation import Conversation

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EXPECTED = {("몇 개인가요?", ""): "55"}


def answer(model: str, text: str, reason: FinishReason, speed: float | None) -> Answer:
    measures = Measures(seconds_to_first_text=0.5, tokens_out=4, tokens_per_second=speed)
    failed = reason is FinishReason.FAILED
    cause = Cause(AS_WRITTEN, sentence="The files are not here.") if failed else None
    return Answer(model, text, reason, GenerationSettings(), measures=measures, cause=cause)


def run(number: int, question: str, *answers: Answer | None) -> StoredRun:
    requests = tuple(AnswerRequest(model, Conversation.ask(question)) for model in ("a", "b"))
    stored = tuple(
        StoredAnswer(at, 1, StoredState.DONE, one, NOW, NOW) for at, one in enumerate(answers) if one
    )
    return StoredRun(RunHead(f"run{number}", "owner", NOW, requests), number, stored)


ROWS = result_rows(
    [
        run(
            1,
            "몇 개인가요?",
            answer("a", "55개", FinishReason.EOS, 10.0),
            answer("b", "550개", FinishReason.LENGTH, 20.0),
        ),
        run(2, "누구인가요?", answer("a", "", FinishReason.FAILED, None), None),
    ],
    EXPECTED,
)


def test_a_row_for_each_question_and_model_answered_or_not() -> None:
    assert [(row.number, row.model_id, row.finish_reason) for row in ROWS] == [
        (1, "a", "eos"),
        (1, "b", "length"),
        (2, "a", "failed"),
        (2, "b", ""),
    ]
    assert [row.as_expected for row in ROWS] == [True, False, None, None]
    assert str(ROWS[2].cause) == "The files are not here."


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (ResultFilter(), [0, 1, 2, 3]),
        (ResultFilter(models=("a",)), [0, 2]),
        (ResultFilter(reasons=("length", "eos")), [0, 1]),
        (ResultFilter(failed_only=True), [2]),
        (ResultFilter(words="누구"), [2, 3]),
        (ResultFilter(words="550"), [1]),
        (ResultFilter(models=("b",), words="누구"), [3]),
        (ResultFilter(words="없는 말"), []),
    ],
)
def test_rows_are_narrowed(wanted: ResultFilter, found: list[int]) -> None:
    assert narrowed(ROWS, wanted) == tuple(ROWS[at] for at in found)


@pytest.mark.parametrize(
    ("measure", "values"),
    [
        (Measure.CHARACTERS, [3, 4, None, None]),
        (Measure.TOKENS_PER_SECOND, [10.0, 20.0, None, None]),
        (Measure.SECONDS_TO_FIRST_TEXT, [0.5, 0.5, None, None]),
        (Measure.FINISH_REASON, ["eos", "length", "failed", None]),
    ],
)
def test_a_measure_of_a_row(measure: Measure, values: list[object]) -> None:
    assert [measure.of(row) for row in ROWS] == values


def test_a_summary_of_each_model() -> None:
    first, second = summaries(ROWS)
    assert (first.model_id, first.answers, first.failed) == ("a", 1, 1)
    assert (first.mean_characters, first.median_tokens_per_second) == (3, 10.0)
    assert first.shares == {"eos": 0.5, "failed": 0.5} and first.expected_share == 1.0
    assert (second.answers, second.failed, second.expected_share) == (1, 0, 0.0)
    assert second.shares == {"length": 1.0}


def test_a_model_that_has_not_answered_yet_has_no_figures() -> None:
    (only,) = summaries([ResultRow(1, "run", "가?", "", "a")])
    assert (only.mean_characters, only.median_tokens_per_second, only.expected_share) == (None, None, None)
