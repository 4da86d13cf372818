"""Steps launched before the last tokens are known: the same answers, and one token at most in vain.

Run: python -m pytest tests/engines/test_launched_steps.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from engines.base import LIKELIHOODS, FinishReason
from engines.choices import choosing, likely_choices
from engines.launched_steps import LaunchedSteps
from engines.model_batch import ModelBatch
from engines.sampling import NUMBERS_AHEAD
from engines.sequence import Sequence
from engines.slot_cache import SlotLayer
from engines.static_stepping import StaticStepper
from engines.steps.modules_step import ModulesStep
from engines.steps.tables import StepTables
from engines.steps.torch_ops import TorchOps
from errors import BrokeWhileAnswering, OutOfMemory
from tests.engines.load_watch import RecordingWatch
from tests.engines.running_engine import make_models
from tests.engines.test_model_batch import CPU, Shortage, Table, answer_of

WAYS: dict[str, dict[str, Any]] = {
    "greedy": {},
    "penalized": {"repetition_penalty": 1.3},
    "drawn": {"temperature": 0.9, "top_p": 0.95, "seed": 5},
    "of five": {"temperature": 1.2, "top_k": 5, "repetition_penalty": 1.1},
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from engines.loading import load_model

    (spec,) = make_models(tmp_path_factory.mktemp("models"), {"llama": "llama"}).values()
    return load_model(spec, "none", CPU, RecordingWatch())


class CountingStep(ModulesStep):
    """How often it is computed, and what is done to its logits before anyone sees them."""

    calls = 0
    harm: Callable[[torch.Tensor], None] = staticmethod(lambda logits: None)

    def __call__(self, tables: StepTables, rows: int, keys: int) -> torch.Tensor:
        self.calls += 1
        logits = super().__call__(tables, rows, keys)
        self.harm(logits)
        return logits


class LateTable(Table):
    """A batch whose tokens come one step late."""

    def __init__(self, loaded: Any) -> None:
        super().__init__(loaded)
        self.step = CountingStep(loaded.model, TorchOps())
        self.stepper = StaticStepper(loaded.model, CPU, self.step)
        self.batch = ModelBatch(self.stepper, CPU, 8, lambda: None, self._book, 1000)


def at_once(loaded: Any, monkeypatch: pytest.MonkeyPatch, question: str, **how: Any) -> tuple[object, ...]:
    """What the same step answers alone where every token is waited for."""
    with monkeypatch.context() as patched:
        patched.setattr(LaunchedSteps, "may_launch", lambda *_: False)
        table = LateTable(loaded)
        asked = table.ask(question, **how)
        table.finish()
    return said(asked)


def said(sequence: Sequence) -> tuple[object, ...]:
    answer = answer_of(sequence)
    return answer.text, answer.finish_reason, answer.measures.tokens_out


@pytest.mark.parametrize("apart", [1, 4])
def test_answers_that_join_and_leave_are_those_of_each_alone(
    loaded: Any, monkeypatch: pytest.MonkeyPatch, apart: int
) -> None:
    asked = {
        f"질문 {way} {most}": {**how, "most": most} for way, how in WAYS.items() for most in (1, 2, 9, 23)
    }
    table = LateTable(loaded)
    lives = {}
    for question, how in asked.items():
        lives[question] = table.ask(question, **how)
        table.advance(apart)
    table.finish()
    for question, how in asked.items():
        assert said(lives[question]) == at_once(loaded, monkeypatch, question, **how)
    assert table.stepper.cache_bytes() == 0 == table.booked


def test_greedy_tokens_are_those_of_generate_past_what_is_written_ahead(loaded: Any) -> None:
    most = NUMBERS_AHEAD + 20
    table = LateTable(loaded)
    asked, beside = table.ask("질문", most), table.ask("다른 질문", most, temperature=0.7)
    tokens: list[int] = []
    asked.stream.push = lambda token_id: tokens.append(token_id) or ""  # type: ignore[func-returns-value, method-assign]
    table.finish()
    ids = torch.tensor([asked.prompt_ids])
    whole = loaded.model.generate(ids, max_new_tokens=most, do_sample=False, eos_token_id=511, pad_token_id=0)
    assert tokens == [token for token in whole[0, ids.shape[1] :].tolist() if token != 511]
    assert answer_of(beside).measures.tokens_out > 0


def test_a_step_is_launched_before_the_token_of_the_one_before_is_handed_out(loaded: Any) -> None:
    table = LateTable(loaded)
    asked = table.ask("질문", 8)
    table.advance(3)
    assert (table.step.calls, asked.tokens_left) == (3, 8 - 1 - 2)


def test_nothing_is_launched_beyond_the_tokens_that_were_asked_for(loaded: Any) -> None:
    for most in (1, 2, 3, 12):
        table = LateTable(loaded)
        asked = table.ask("질문", most)
        table.finish()
        assert answer_of(asked).finish_reason is FinishReason.LENGTH
        assert table.step.calls == most - 1


@pytest.mark.parametrize("way", ["end token", "stop string"])
def test_an_answer_that_ends_itself_costs_one_step_more_and_shows_nothing_of_it(
    loaded: Any, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    text, _, _ = at_once(loaded, monkeypatch, "질문", most=30)
    assert isinstance(text, str)
    if way == "stop string":
        how: dict[str, Any] = {"stop_strings": (text[len(text) // 2 :][:2],)}
        expected, reason, count = at_once(loaded, monkeypatch, "질문", most=30, **how)
        assert reason is FinishReason.STOP_STRING
    table = LateTable(loaded)
    asked = table.ask("질문", 30, **(how if way == "stop string" else {}))
    beside = table.ask("다른 질문", 30)
    if way == "end token":
        last = loaded.model.generate(torch.tensor([asked.prompt_ids]), max_new_tokens=10, do_sample=False)
        asked.eos_token_ids = frozenset({int(last[0, -1])})
        first = last[0, len(asked.prompt_ids) :].tolist()
        count = first.index(int(last[0, -1]))
    table.finish()
    if way == "end token":
        assert said(asked)[1:] == (FinishReason.EOS, count)
    else:
        assert said(asked) == (expected, reason, count)
    assert said(beside) == at_once(loaded, monkeypatch, "다른 질문", most=30)


def test_a_stop_is_heard_after_the_step_that_runs(loaded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    table = LateTable(loaded)
    stopped, other = table.ask("질문", 40), table.ask("다른 질문", 40)
    table.advance(6)
    calls, shown = table.step.calls, stopped.tokens_left
    stopped.live.ask_to_stop()
    table.advance()
    assert answer_of(stopped).finish_reason is FinishReason.STOPPED and stopped.tokens_left == shown
    assert table.step.calls <= calls + 1
    table.finish()
    assert said(other) == at_once(loaded, monkeypatch, "다른 질문", most=40)


def test_a_row_that_is_no_numbers_fails_alone(loaded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    table = LateTable(loaded)
    lives = [table.ask(f"질문 {n}", 16, **how) for n, how in enumerate(WAYS.values())]
    table.advance(5)

    def harm(logits: torch.Tensor) -> None:
        logits[1] = float("nan")
        table.step.harm = lambda logits: None

    table.step.harm = harm
    table.finish()
    assert answer_of(lives[1]).error_code == BrokeWhileAnswering.category
    for n, how in enumerate(WAYS.values()):
        expected = at_once(loaded, monkeypatch, f"질문 {n}", most=16, **how)
        assert n == 1 or said(lives[n]) == expected
        assert str(expected[0]).startswith(answer_of(lives[n]).text)


def test_texts_that_are_weighed_beside_late_answers_are_weighed_as_alone(loaded: Any) -> None:
    def weighed(beside: int) -> object:
        table = LateTable(loaded)
        for n in range(beside):
            table.ask(f"질문 {n}", 40)
        table.advance(6)
        asked = table.ask("어느 쪽?", 8)
        table.batch._waiting.pop()
        given = {"예": [20, 21], "아니요": [30, 31, 32]}
        first = choosing(asked, likely_choices(asked, given), table.batch.add)
        table.batch.add(first)
        table.finish()
        return answer_of(asked).extras[LIKELIHOODS]

    assert weighed(2) == pytest.approx(weighed(0), abs=1e-4)


@pytest.mark.parametrize("way", ["greedy", "of five"])
def test_memory_that_runs_out_in_a_launched_step_costs_the_newest_answer_alone(
    loaded: Any, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    expected = [at_once(loaded, monkeypatch, f"질문 {n}", most=14, **WAYS[way]) for n in range(3)]
    at = rounds = 0
    while True:
        table, short = LateTable(loaded), Shortage()
        lives = [table.ask(f"질문 {n}", 14, **WAYS[way]) for n in range(3)]
        with short:
            table.advance(5)
            short.left = at
            table.advance()
            short.left = None
        table.finish()
        if not short.raised:
            break
        assert answer_of(lives[2]).error_code == OutOfMemory.category
        assert [said(live) for live in lives[:2]] == expected[:2]
        assert table.stepper.cache_bytes() == 0 == table.booked
        at, rounds = at + 1 + at // 3, rounds + 1
    assert rounds > 8, "memory ran out nowhere"


def test_rows_that_move_after_a_newcomer_found_no_memory_go_on(
    loaded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = LateTable(loaded)
    lives = [table.ask(f"질문 {n}", 40) for n in range(3)]
    table.advance(5)
    lives[0].live.ask_to_stop()
    table.advance(2)

    def short_of_memory(*_: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with monkeypatch.context() as patched:
        patched.setattr(SlotLayer, "_grown", short_of_memory)
        newcomer = table.ask("새 질문", 400)
        table.advance()
    assert answer_of(newcomer).error_code == OutOfMemory.category
    assert sorted(row.slot for row in table.stepper.running) == [0, 1]
    table.finish()
    assert [said(live) for live in lives[1:]] == [
        at_once(loaded, monkeypatch, f"질문 {n}", most=40) for n in (1, 2)
    ]
