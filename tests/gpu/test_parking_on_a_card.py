"""A model that is parked in pinned memory leaves the card whole, and comes back with the same bits.

Run: python -m pytest -m gpu tests/gpu/test_parking_on_a_card.py --log-cli-level=INFO
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from benchmarks.networks import Shape, save_random, spec_of
from engines.base import Answer
from engines.host_memory import PinnedMemory
from engines.parking import Parking
from engines.steps.captured_step import CapturedStep
from engines.steps.choice import StepChooser
from model_registry.spec import ModelSpec
from tests.engines.running_engine import RunningEngine, answer_of, open_engine
from tests.engines.tiny_models import make_tiny_adapter, make_tiny_model, tiny_spec

DEVICE = torch.device("cuda:0")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
_log = logging.getLogger(__name__)
WIDE = Shape("gpt_neox", hidden=2048, layers=8, heads=16, intermediate=8192, dtype=torch.bfloat16)
"""1 GB: large enough that its weights are more than what allocators round up to."""
QUESTIONS = ("하늘은 왜 파란가요?", "수도는?", "김치찌개를 끓일 때는 무엇을 먼저 볶나요?")
SLACK = 256 * 2**20
"""What the libraries keep for each new thread; a quarter of the weights."""


class CountedPinned(PinnedMemory):
    """Knows what is registered, and can be refused by the driver."""

    def __init__(self) -> None:
        super().__init__(DEVICE)
        self.registered: dict[int, int] = {}
        self.is_refused = False

    def take(self, size: int) -> torch.Tensor:
        block = super().take(size)
        if self.is_refused:
            try:
                self._pin(block)  # the same pages once more: an error of CUDA's own
            finally:
                super().give_back(block)
        self.registered[block.data_ptr()] = size
        return block

    def give_back(self, block: torch.Tensor) -> None:
        super().give_back(block)
        del self.registered[block.data_ptr()]


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelSpec]:
    root = tmp_path_factory.mktemp("wide")
    return {
        name: spec_of(name, save_random(root / name, WIDE, seed=seed, device=str(DEVICE)), WIDE)
        for seed, name in enumerate(("one", "two"))
    }


@pytest.fixture
def memory() -> Iterator[CountedPinned]:
    made = CountedPinned()
    yield made
    assert made.registered == {}


def said(answer: Answer) -> tuple[object, ...]:
    return answer.text, answer.measures.tokens_out


def allocated() -> int:
    gc.collect()
    return torch.cuda.memory_allocated(DEVICE)


def in_company(running: RunningEngine) -> list[tuple[object, ...]]:
    lives = [running.ask("one", each, max_new_tokens=24) for each in QUESTIONS]
    return [said(answer_of(live)) for live in lives]


def graphs(running: RunningEngine, model_id: str) -> int | None:
    """None where this card's step is not captured. Nothing of the stepper is kept: it holds the weights."""
    step: Any = getattr(running.stepper(model_id), "_step", None)
    return len(step._held) if isinstance(step, CapturedStep) else None


def figures(running: RunningEngine, model_id: str) -> list[torch.Tensor]:
    return [each.cpu() for each in running.network(model_id).state_dict().values()]


def test_bits_are_equal_and_bytes_are_back_after_three_changes(
    wide: dict[str, ModelSpec], memory: CountedPinned
) -> None:
    how: Any = {"device": str(DEVICE), "choose_step": StepChooser()}  # what it has proven it proves once
    with open_engine(wide, **how) as plenty:
        alone = [said(plenty.answer("one", each, max_new_tokens=24)) for each in QUESTIONS]
        together = in_company(plenty)
        (resident,) = plenty.view().residents
    before = allocated()
    budget = int((resident.weight_bytes + resident.step_bytes) * 1.5)
    with open_engine(wide, budget=budget, parking=Parking(8 * 2**30, memory), **how) as running:
        running.answer("one", QUESTIONS[0], max_new_tokens=24)
        weights, bits = resident.weight_bytes, figures(running, "one")
        registered = set[int]()
        for _ in range(3):
            running.answer("two", QUESTIONS[0], max_new_tokens=24)
            view = running.view()
            assert [each.model_id for each in view.parked] == ["one"]
            assert allocated() - before < weights + view.residents[0].step_bytes + SLACK
            assert in_company(running) == together
            assert all(map(torch.equal, figures(running, "one"), bits))
            assert graphs(running, "one") != 0, "they are captured again"
            registered.add(sum(memory.registered.values()))
        assert [said(running.answer("one", each, max_new_tokens=24)) for each in QUESTIONS] == alone
        events = running.view().events
        freed = [each.bytes for each in events if each.what == "park" and each.model_id == "one"]
        assert running.loads == ["one", "two"]
        assert all(each >= weights - SLACK for each in freed), (freed, weights)
        assert len(registered) == 1, "every copy is made once"
        for each in events:
            if each.what in ("load", "park", "wake") and each.seconds:
                _log.info("%s %s: %.1f GB/s", each.what, each.model_id, each.bytes / each.seconds / 1e9)
    torch.cuda.empty_cache()
    assert allocated() - before < SLACK


def test_where_the_driver_refuses_to_pin_the_model_is_unloaded_and_the_next_kernel_runs(
    wide: dict[str, ModelSpec], memory: CountedPinned
) -> None:
    memory.is_refused = True
    how: Any = {"device": str(DEVICE), "choose_step": StepChooser("eager")}
    with open_engine(wide, **how) as plenty:
        first = said(plenty.answer("one", QUESTIONS[0], max_new_tokens=8))
        (resident,) = plenty.view().residents
    budget = int((resident.weight_bytes + resident.step_bytes) * 1.5)
    with open_engine(wide, budget=budget, parking=Parking(8 * 2**30, memory), **how) as running:
        for model_id in ("one", "two"):
            running.answer(model_id, QUESTIONS[0], max_new_tokens=8)
        assert [each.what for each in running.view().events][:2] == ["load", "release"]
        memory.is_refused = False
        assert said(running.answer("one", QUESTIONS[0], max_new_tokens=8)) == first
        assert [each.model_id for each in running.view().parked] == ["two"]


def test_an_adapter_comes_back_with_its_base_while_another_model_answers(
    tmp_path_factory: pytest.TempPathFactory, memory: CountedPinned
) -> None:
    """Company at work while a model is parked and woken: another's answer has the same tokens."""
    root = tmp_path_factory.mktemp("tiny")
    specs = {
        name: tiny_spec(
            make_tiny_model(root / name, "llama", seed=seed, hidden=256, tie_word_embeddings=True),
            "llama",
            id=name,
            loading={"dtype": "float32"},
            eos_token_ids=[511],
        )
        for seed, name in enumerate(("base", "beside", "third"))
    }
    path = make_tiny_adapter(root / "tuned", root / "base", ["q_proj", "o_proj"])
    specs["tuned"] = tiny_spec(path, id="tuned", adapter={"base": "base"}, eos_token_ids=[511])
    how: Any = {"device": str(DEVICE), "choose_step": StepChooser("graph")}  # few kernels to compile
    with open_engine(specs, **how) as plenty:
        for name in ("tuned", "beside"):
            plenty.answer(name, QUESTIONS[0], max_new_tokens=4)
        sizes = [each.weight_bytes + each.step_bytes for each in plenty.view().residents]
        expected = {name: said(plenty.answer(name, QUESTIONS[0], max_new_tokens=24)) for name in specs}
        alone = said(plenty.answer("beside", QUESTIONS[1], max_new_tokens=200))
    budget = int(sum(sizes) + 0.5 * sizes[1])
    with open_engine(specs, budget=budget, parking=Parking(2**30, memory), **how) as running:
        for name in ("tuned", "base"):
            assert said(running.answer(name, QUESTIONS[0], max_new_tokens=24)) == expected[name]
        company = running.ask("beside", QUESTIONS[1], max_new_tokens=200)
        for name in ("third", "tuned", "third", "base"):
            assert said(running.answer(name, QUESTIONS[0], max_new_tokens=24)) == expected[name]
        assert said(answer_of(company)) == alone
        assert "wake" in [each.what for each in running.view().events]
