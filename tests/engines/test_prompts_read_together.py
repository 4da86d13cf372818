"""Short prompts that the processor's fused step reads in one pass: each is read as it is alone, and what goes
wrong with one is its own end.

Run: python -m pytest tests/engines/test_prompts_read_together.py
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest
import torch

from engines.base import FinishReason
from engines.families import stepper_for
from engines.fused_stepping import FusedBatchStepper
from engines.loading import load_model
from engines.sequence import Sequence
from engines.stepping import DecodeRow, Limits
from errors import BrokeWhileAnswering, OutOfMemory
from tests.engines.load_watch import RecordingWatch
from tests.engines.running_engine import make_models
from tests.engines.test_fused_stepping import COUNT, KINDS, PROMPTS, generated
from tests.engines.test_model_batch import Shortage, Table, answer_of, break_end, break_state
from tests.every_family import tiny_network

CPU = torch.device("cpu")
QUESTIONS = [f"질문 {n}" for n in range(4)]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    (spec,) = make_models(tmp_path_factory.mktemp("models"), {"one": "llama"}).values()
    return load_model(spec, "none", CPU, RecordingWatch())


def fused_table(loaded: Any) -> Table:
    return Table(loaded, "fused")


@pytest.fixture(scope="module")
def whole(loaded: Any) -> list[str]:
    """What it says to each question, asked alone."""
    texts = []
    for question in QUESTIONS:
        table = fused_table(loaded)
        asked = table.ask(question)
        table.finish()
        texts.append(answer_of(asked).text)
    return texts


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_prompts_read_together_go_on_as_those_read_alone(kind: str) -> None:
    network = tiny_network(kind)
    stepper, single = stepper_for(network, CPU, "fused"), stepper_for(network, CPU, "fused")
    assert isinstance(stepper, FusedBatchStepper)
    with torch.inference_mode():
        rows = [stepper.open(len(prompt) + COUNT) for prompt in PROMPTS]
        logits = stepper.read_together(rows, PROMPTS)
        for prompt, together in zip(PROMPTS, logits, strict=True):
            alone = single.open(len(prompt))
            torch.testing.assert_close(together, single.read(alone, prompt))
            single.close(alone)
        for row in rows:
            stepper.start(row)
        answers = [logits.argmax(-1).tolist()]
        while len(answers) < COUNT:
            answers.append(stepper.step(answers[-1]).argmax(-1).tolist())
        assert [list(one) for one in zip(*answers, strict=True)] == [generated(network, p) for p in PROMPTS]


@pytest.mark.parametrize("leaving", range(5))
def test_prompts_that_wait_for_their_pass_follow_the_rows_that_close_up(leaving: int) -> None:
    """Rows stand without a gap: who leaves, running or not read yet, moves those behind."""
    network = tiny_network("llama")
    stepper = stepper_for(network, CPU, "fused")
    assert isinstance(stepper, FusedBatchStepper)
    with torch.inference_mode():
        rows = [stepper.open(64) for _ in PROMPTS]
        said = {row: stepper.read(row, prompt) for row, prompt in zip(rows[:2], PROMPTS, strict=False)}
        for row in said:
            stepper.start(row)
        stepper.close(rows[leaving])
        waiting = [row for row in rows[2:] if row is not rows[leaving]]
        prompts = [PROMPTS[rows.index(row)] for row in waiting]
        said.update(zip(waiting, stepper.read_together(waiting, prompts), strict=True))
        for row in waiting:
            stepper.start(row)
        answers = [[int(said[row].argmax()) for row in stepper.running]]
        while len(answers) < COUNT:
            answers.append(stepper.step(answers[-1]).argmax(-1).tolist())
        for row, tokens in zip(stepper.running, zip(*answers, strict=True), strict=True):
            assert list(tokens) == generated(network, PROMPTS[rows.index(row)])


def test_a_pass_reads_short_prompts_together_and_a_turn_no_more_than_a_chunk(loaded: Any) -> None:
    table, turns = fused_table(loaded), list[list[list[int]]]()
    assert isinstance(table.stepper, FusedBatchStepper)
    plain = table.stepper.read_together

    def noted(rows: list[DecodeRow], prompts: list[list[int]]) -> torch.Tensor:
        turns[-1].append([len(ids) for ids in prompts])
        return plain(rows, prompts)

    table.stepper.read_together = noted  # type: ignore[method-assign]
    for length in (20, 40, 68, 1, 700, 100, 29, 3, 3):
        table.ask("질문", most=40).prompt_ids[:] = [7] * length
    for _ in range(3):
        turns.append([])
        table.advance()
    assert turns == [[[20, 40, 68], [1]], [[512]], [[188], [100], [29, 3]]]


def test_answers_to_prompts_read_together_are_those_given_alone(loaded: Any, whole: list[str]) -> None:
    table = fused_table(loaded)
    asked = [table.ask(question) for question in QUESTIONS]
    table.advance()
    assert len(table.stepper.running) == len(QUESTIONS)
    table.finish()
    assert [answer_of(sequence).text for sequence in asked] == whole
    assert table.stepper.cache_bytes() == 0 == table.booked


def test_a_reproducible_question_is_read_with_no_other(loaded: Any) -> None:
    table, at_once = fused_table(loaded), list[int]()
    asked = [table.ask(question, reproducible=at == 1) for at, question in enumerate(QUESTIONS)]
    while table.batch.has_work:
        at_once.append(len(table.stepper.running))
        table.advance()
    assert [count for count, _ in groupby(at_once) if count] == [1, 1, 2], "one, it alone, then two"
    assert all(answer_of(sequence).finish_reason is FinishReason.LENGTH for sequence in asked)


@pytest.mark.parametrize("harm", [break_end, break_state])
@pytest.mark.parametrize("at", range(4))
def test_one_that_breaks_among_those_read_together_ends_alone(
    loaded: Any, whole: list[str], harm: Callable[[Sequence], None], at: int
) -> None:
    table = fused_table(loaded)
    asked = [table.ask(question) for question in QUESTIONS]
    harm(asked[at])
    table.finish()
    assert answer_of(asked[at]).error_code == BrokeWhileAnswering.category
    for other in set(range(len(asked))) - {at}:
        assert answer_of(asked[other]).text == whole[other]
        assert answer_of(asked[other]).finish_reason is FinishReason.LENGTH
    assert table.stepper.cache_bytes() == 0 == table.booked


def test_where_memory_runs_out_in_a_pass_of_several_only_the_newest_pays(
    loaded: Any, whole: list[str]
) -> None:
    at = 0
    while short_at(loaded, whole, at):
        at += 1 + at // 12
    assert at > 100, "memory ran out nowhere"


def short_at(loaded: Any, whole: list[str], at: int) -> bool:
    """Whether memory ran out within the pass."""
    table, short, opened = fused_table(loaded), Shortage(), list[int]()
    asked = [table.ask(question) for question in QUESTIONS]
    step, plain = table.stepper.step, table.stepper.open

    def noted(limit: int, next_limits: Limits = ()) -> DecodeRow:
        opened.extend([] if short.raised else [limit])
        return plain(limit, next_limits)

    def stepped(tokens: list[int]) -> torch.Tensor:
        short.left = None
        return step(tokens)

    table.stepper.open, table.stepper.step = noted, stepped  # type: ignore[method-assign]
    with short:
        short.left = at
        table.advance(2)
    if not short.raised:
        return False
    table.finish()
    failed = [n for n, sequence in enumerate(asked) if answer_of(sequence).error_code]
    assert failed == [len(opened) - 1]
    assert answer_of(asked[failed[0]]).error_code == OutOfMemory.category
    for other in set(range(len(asked))) - set(failed):
        assert answer_of(asked[other]).text == whole[other]
    assert table.stepper.cache_bytes() == 0 == table.booked
    return True
