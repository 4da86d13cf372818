"""A network whose figures stop being numbers fails that answer alone, with a sentence, wherever it begins.

Run: python -m pytest tests/engines/test_broken_numbers.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engines.base import FinishReason, GenerationSettings, State
from engines.sampling import NO_TOKEN, SeededNumbers, TokenSampler
from engines.steps.sampling_tables import SamplingTables
from errors import BrokeWhileAnswering
from tests.engines.running_engine import RunningEngine, answer_of, wait_until
from tests.engines.tiny_models import Kind

KINDS: dict[str, Kind] = {"neox": "gpt_neox", "llama": "llama", "exaone": "exaone4", "rwkv": "rwkv"}
GREEDY: dict[str, Any] = {}
WAYS = [
    GREEDY,
    {"repetition_penalty": 1.2},
    {"temperature": 0.9, "seed": 4},
    {"temperature": 1.0, "top_k": 5},
]
NAN, INF = float("nan"), float("inf")
SPOILT = {"nan": NAN, "one nan": None, "+inf": INF, "-inf": -INF}


@given(
    st.lists(st.sampled_from([NAN, INF, -INF, 0.0, -3.5, 2.25]), min_size=3, max_size=3), st.integers(0, 3)
)
def test_a_token_is_chosen_just_where_the_likeliest_is_a_number(row: list[float], way: int) -> None:
    settings = GenerationSettings(**WAYS[way])
    fine = torch.tensor([0.0, 1.0, -1.0])
    logits = torch.stack([fine, torch.tensor(row), fine])
    samplers = [TokenSampler(settings, SeededNumbers(0, "m", "p"), []) for _ in logits]
    tokens = SamplingTables(torch.device("cpu")).choose(logits, samplers)
    is_number = not any(value != value or value == INF for value in row) and max(row) > -INF
    assert (tokens[1] != NO_TOKEN) == is_number
    assert tokens[0] != NO_TOKEN != tokens[2]
    if is_number:
        assert row[tokens[1]] > -INF, "a token that cannot be was chosen"


@pytest.mark.parametrize("temperature", [1e-3, 1e-30, 1e-45, 1e-300, 5e-324])
def test_the_coldest_temperature_is_greedy_and_no_fault(temperature: float) -> None:
    settings = GenerationSettings(temperature=temperature)
    sampler = TokenSampler(settings, SeededNumbers(0, "m", "p"), [])
    logits = torch.tensor([[3.0, 88.5, -2.0, 88.0]])
    assert [SamplingTables(torch.device("cpu")).choose(logits, [sampler]) for _ in range(5)] == [[1]] * 5


def spoil(stepper: Any, row: int, at: int, value: float | None, patch: pytest.MonkeyPatch) -> None:
    """From the `at`-th pass on, the figures of a row stop being numbers (None: one of its logits)."""
    passes = iter(range(10**6))

    def spoilt(compute: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        def computed(*args: Any) -> torch.Tensor:
            logits = compute(*args)
            rows = logits if logits.ndim == 2 else logits[None]
            if next(passes) >= at and row < len(rows):
                rows[row, 7 if value is None else slice(None)] = NAN if value is None else value
            return logits

        return computed

    for name in ("read", "step"):
        patch.setattr(stepper, name, spoilt(getattr(stepper, name)))


@pytest.mark.parametrize("value", SPOILT.values(), ids=SPOILT)
@pytest.mark.parametrize("way", WAYS, ids=["greedy", "penalized", "drawn", "drawn of five"])
@pytest.mark.parametrize("at", [0, 9], ids=["first token", "midway"])
def test_an_answer_ends_as_failed_and_keeps_what_had_come(
    running: RunningEngine, monkeypatch: pytest.MonkeyPatch, way: dict[str, Any], value: float | None, at: int
) -> None:
    whole = answer_of(running.ask("neox", max_new_tokens=24, **way)).text
    spoil(running.stepper("neox"), 0, at, value, monkeypatch)
    answer = answer_of(running.ask("neox", max_new_tokens=24, **way))
    assert (answer.finish_reason, answer.error_code) == (FinishReason.FAILED, BrokeWhileAnswering.category)
    assert "not numbers" in (answer.error or "") and "bfloat16" not in (answer.error or "")
    assert whole.startswith(answer.text) and bool(answer.text) == bool(at)
    assert answer.measures.tokens_out == at


def test_figures_that_outgrow_float16_say_to_take_bfloat16(
    running: RunningEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    network_of(running, "llama")
    stepper = running.stepper("llama")
    read = stepper.read
    monkeypatch.setattr(stepper, "read", lambda *args: read(*args).half() * 60_000)
    assert "bfloat16" in (answer_of(running.ask("llama")).error or "")


@pytest.mark.parametrize("model", KINDS)
def test_real_weights_that_overflow_fail_one_row_and_the_others_answer_as_they_would(
    running: RunningEngine, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """Not the logits but what the layers hand on and keep in the cache is spoilt, for whoever says a word.

    The failed row is the longest, and a shorter one moves into its slot: it must not meet what was left
    there, since a masked NaN is still a NaN."""
    alone = [answer_of(running.ask(model, f"질문 {n}", max_new_tokens=60)).text for n in range(3)]
    network = network_of(running, model)
    words = network.get_input_embeddings().weight
    embedding = torch.nn.functional.embedding
    spoilt: list[bool] = []

    def poisoned(ids: torch.Tensor, weight: torch.Tensor, *args: Any) -> torch.Tensor:
        """A step reads one token a row, with or without a dimension for it."""
        output = embedding(ids, weight, *args)
        if spoilt and weight is words and (ids.ndim == 1 or ids.shape[1] == 1):
            output = output.clone()
            output[0] = NAN
            spoilt.clear()
        return output

    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.functional, "embedding", poisoned)
        lives = [running.ask(model, f"질문 {n}", max_new_tokens=60) for n in range(3)]
        wait_until(lambda: all(live.view().state is State.ANSWERING for live in lives))
        spoilt.append(True)
        answers = [answer_of(live) for live in lives]
    failed = [n for n, answer in enumerate(answers) if answer.finish_reason is FinishReason.FAILED]
    assert len(failed) == 1
    assert alone[failed[0]].startswith(answers[failed[0]].text)
    for n, answer in enumerate(answers):
        assert n in failed or answer.text == alone[n]


def network_of(running: RunningEngine, model_id: str) -> Any:
    answer_of(running.ask(model_id, max_new_tokens=1))
    return running.network(model_id)
