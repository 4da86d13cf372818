"""The engine's promises on a real card: same answers in company, bytes that come back, shortages survived.

Run: python -m pytest -m gpu tests/gpu
"""

from __future__ import annotations

import gc
import importlib.util
import time
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from benchmarks.gpu.shortage import filled
from benchmarks.networks import Shape, save_random, spec_of
from engines.base import Answer, FinishReason
from engines.devices import network_bytes
from engines.loading import load_model
from model_registry.spec import ModelSpec
from tests.engines.load_watch import RecordingWatch
from tests.engines.running_engine import RunningEngine, answer_of, open_engine
from tests.engines.tiny_models import Kind, make_tiny_adapter, make_tiny_model, tiny_spec

DEVICE = "cuda:0"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

KINDS: tuple[Kind, ...] = ("gpt_neox", "llama", "qwen3", "exaone4", "rwkv")
QUESTIONS = ("하늘은 왜 파란가요?", "수도는?", "김치찌개를 끓일 때는 무엇을 먼저 볶나요?")
WIDE = Shape("gpt_neox", hidden=1024, layers=8, heads=8, intermediate=4096, dtype=torch.bfloat16)
"""Large enough that its cache and weights are more than what an allocator rounds up to."""


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelSpec]:
    """One model a family, and an adapter over the first."""
    root = tmp_path_factory.mktemp("models")
    made: dict[str, ModelSpec] = {
        kind: tiny_spec(
            make_tiny_model(root / kind, kind, seed=seed, hidden=64),
            kind,
            id=kind,
            loading={"dtype": "float32"},
            eos_token_ids=[511],
        )
        for seed, kind in enumerate(KINDS)
    }
    adapter = make_tiny_adapter(root / "adapter", root / "gpt_neox", ["query_key_value", "dense"])
    tuned = tiny_spec(adapter, id="tuned", adapter={"base": "gpt_neox"}, eos_token_ids=[511])
    return {**made, "tuned": tuned}


@pytest.fixture(scope="module")
def running(specs: dict[str, ModelSpec]) -> Iterator[RunningEngine]:
    with open_engine(specs, DEVICE) as opened:
        yield opened


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelSpec]:
    folder = save_random(tmp_path_factory.mktemp("wide") / "model", WIDE, device=DEVICE)
    return {"wide": spec_of("wide", folder, WIDE)}


def same(answer: Answer) -> tuple[object, ...]:
    return answer.text, answer.finish_reason, answer.measures.tokens_out


def allocated() -> int:
    gc.collect()
    return torch.cuda.memory_allocated(DEVICE)


@pytest.mark.parametrize("kind", [*KINDS, "tuned"])
def test_questions_batched_on_a_card_get_the_tokens_they_get_alone(running: RunningEngine, kind: str) -> None:
    alone = [same(running.answer(kind, question, max_new_tokens=24)) for question in QUESTIONS]
    together = [running.ask(kind, question, max_new_tokens=24) for question in QUESTIONS]
    assert [same(answer_of(live)) for live in together] == alone


def test_an_adapter_answers_otherwise_than_its_base_and_leaves_it_as_it_was(running: RunningEngine) -> None:
    base = same(running.answer("gpt_neox", QUESTIONS[0], max_new_tokens=24))
    lives = [running.ask(name, QUESTIONS[0], max_new_tokens=24) for name in ("tuned", "gpt_neox")]
    tuned, again = (same(answer_of(live)) for live in lives)
    assert tuned != base and again == base


@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_an_answer_on_a_card_does_not_depend_on_the_other_models(
    running: RunningEngine, temperature: float
) -> None:
    how: dict[str, Any] = {"max_new_tokens": 24, "temperature": temperature, "seed": 7}
    alone = {kind: same(running.answer(kind, QUESTIONS[0], **how)) for kind in KINDS}
    lives = [running.ask(kind, QUESTIONS[0], **how) for kind in reversed(KINDS)]
    assert {live.model_id: same(answer_of(live)) for live in lives} == alone


def test_stopping_one_column_leaves_the_others(running: RunningEngine) -> None:
    lives = {kind: running.ask(kind, QUESTIONS[0], max_new_tokens=200) for kind in ("gpt_neox", "llama")}
    while lives["llama"].view().measures.tokens_out < 3 and not lives["llama"].ended:
        time.sleep(0.001)
    lives["llama"].ask_to_stop()
    seen = lives["llama"].view().measures.tokens_out
    stopped = answer_of(lives["llama"])
    # A syllable is up to three tokens, and is seen with its last one.
    assert stopped.finish_reason is FinishReason.STOPPED and stopped.measures.tokens_out <= seen + 5
    assert answer_of(lives["gpt_neox"]).finish_reason is FinishReason.LENGTH


def test_loading_and_releasing_twenty_times_leaves_the_card_as_it_was(wide: dict[str, ModelSpec]) -> None:
    with open_engine(wide, DEVICE) as running:
        running.answer("wide", QUESTIONS[0], max_new_tokens=2)
        weights = running.view().residents[0].weight_bytes
        running.release("wide")
        before = allocated()
        for _ in range(20):
            running.answer("wide", QUESTIONS[0], max_new_tokens=2)
            assert allocated() >= before + weights
            running.release("wide")
            assert allocated() <= before + weights // 20
        released = [event.bytes for event in running.view().events if event.what == "release"]
    assert len(released) == 21 and min(released) >= weights * 0.95


def test_a_real_shortage_costs_one_answer(wide: dict[str, ModelSpec]) -> None:
    """The allocator itself refuses: 32 MB are left, the cache wants 67."""
    with open_engine(wide, DEVICE) as running:
        expected = same(running.answer("wide", QUESTIONS[0], max_new_tokens=24))
        before = allocated()
        with filled(torch.device(DEVICE), leave=32 * 2**20):
            lost = answer_of(running.ask("wide", QUESTIONS[0], max_new_tokens=1900))
        assert lost.error_code == "out-of-memory"
        assert allocated() <= before + 2**20
        assert running.view().residents[0].cache_bytes == 0
        assert same(running.answer("wide", QUESTIONS[0], max_new_tokens=24)) == expected
        assert len(running.answer("wide", QUESTIONS[0], max_new_tokens=1900).text) == 1900


def test_int8_is_read_without_the_wide_model_ever_being_on_the_card(wide: dict[str, ModelSpec]) -> None:
    device = torch.device(DEVICE)
    load_model(wide["wide"], "int8", device, RecordingWatch())  # the libraries' own workspaces are there then
    gc.collect()
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    loaded = load_model(wide["wide"], "int8", device, RecordingWatch())
    peak = torch.cuda.max_memory_allocated(device) - before
    wider = sum(value.nbytes for value in loaded.model.parameters() if value.dtype == torch.int8)
    assert wider > 90 * 2**20 and peak < network_bytes(loaded.model) + wider / 2


@pytest.mark.parametrize("form", ["int8", "nf4"])
def test_quantized_weights_answer_on_a_card_and_are_smaller(wide: dict[str, ModelSpec], form: str) -> None:
    if form == "nf4" and importlib.util.find_spec("bitsandbytes") is None:
        pytest.skip("bitsandbytes is not installed here")
    with open_engine(wide, DEVICE) as running:
        running.answer("wide", QUESTIONS[0], max_new_tokens=8)
        plain = running.view().residents[0].weight_bytes
        running.release("wide")
        running.answer("wide", QUESTIONS[0], max_new_tokens=8, quantization=form)
        assert running.view().residents[0].weight_bytes < plain * 0.6


def test_a_model_that_does_not_fit_is_refused_before_anything_is_on_the_card(
    wide: dict[str, ModelSpec],
) -> None:
    before = allocated()
    with open_engine(wide, DEVICE, budget=100 * 2**20) as running:
        refused = answer_of(running.ask("wide", QUESTIONS[0], max_new_tokens=8))
        assert refused.error_code == "no-room" and "nf4" in (refused.error or "")
        assert allocated() == before
