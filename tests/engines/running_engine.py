"""A real local engine that runs over a few models, for tests and benchmarks that ask it.

It lays entries and models in a folder, opens an engine on them, asks it, and reaches a network while it is
resident. What is tested or measured, it does not know.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from engines.base import Answer, AnswerRequest, GenerationSettings, LiveAnswer
from engines.decoding import DecodeLoop
from engines.devices import default_budget
from engines.lazy import HandLoads
from engines.loading import LoadedModel, LoadWatch, estimate, files_of, load_model
from engines.local import LocalEngine
from engines.memory import LiveLoad, PoolView
from engines.parking import Parking
from engines.pool import Load, ModelPool
from engines.resident import Resident
from engines.resident_figures import ResidentKey
from engines.steps.choice import StepChooser
from errors import AS_WRITTEN, NaraniError
from model_registry.registry import Registry, load_registry
from model_registry.spec import ModelSpec
from prompts.conversation import Conversation
from settings import read_settings
from tests.engines.tiny_models import Kind, make_tiny_model, tiny_spec


@dataclass
class RunningEngine:
    """An engine, its pool and its models."""

    engine: LocalEngine
    pool: ModelPool
    loop: DecodeLoop
    loads: list[str]
    """The id of every model a load was begun for, in order."""
    networks: dict[tuple[str, str], weakref.ref[Any]]
    """The network of each (model, quantization) that was loaded last, without keeping it in memory."""
    hand_loads: HandLoads

    def ask(
        self,
        model_id: str,
        question: str = "서울은 어디인가요?",
        quantization: str | None = None,
        **settings: Any,
    ) -> LiveAnswer:
        return self.submit(replace(request(model_id, question, **settings), quantization=quantization))

    def answer(self, model_id: str, question: str, **how: Any) -> Answer:
        """The whole answer; one that failed is an error here."""
        answer = answer_of(self.ask(model_id, question, **how))
        if answer.error is not None:
            raise NaraniError(AS_WRITTEN, sentence=f"{model_id} did not answer: {answer.error}")
        return answer

    def submit(self, request: AnswerRequest) -> LiveAnswer:
        live = LiveAnswer(request.model_id)
        self.engine.submit(request, live)
        return live

    def load(self, model_id: str, quantization: str = "none") -> LiveLoad:
        return self.hand_loads.begin(model_id, quantization)

    def release(self, model_id: str, quantization: str = "none") -> bool:
        return self.engine.release(model_id, quantization)

    def view(self) -> PoolView:
        return self.engine.view()

    def network(self, model_id: str, quantization: str = "none") -> Any:
        network = self.networks[model_id, quantization]()
        assert network is not None, "it was asked just now, and nothing made it go"
        return network

    def stepper(self, model_id: str) -> Any:
        """What computes the figures of a base that has answered, whichever way it is stepped."""
        with self.pool.books.held(ResidentKey(model_id, "none")) as resident:
            assert isinstance(resident, Resident), "it was asked just now, and nothing made it go"
            return resident._batches[None]._stepper


def request(model_id: str, question: str = "서울은 어디인가요?", **settings: Any) -> AnswerRequest:
    settings.setdefault("max_new_tokens", 16)
    return AnswerRequest(model_id, Conversation.ask(question), GenerationSettings(**settings))


def answer_of(live: LiveAnswer, seconds: float = 300.0) -> Answer:
    """The answer when it has ended, however it ended."""
    assert live.wait(seconds), f"{live.model_id} did not end: {live.view()}"
    answer = live.view().answer
    assert answer is not None
    return answer


def wait_until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come to hold in time"
        time.sleep(0.005)


def make_models(folder: Path, kinds: dict[str, Kind], **changes: Any) -> dict[str, ModelSpec]:
    """One folder and entry a model; ids differ, so do the weights."""
    return {
        id: tiny_spec(
            make_tiny_model(folder / id, kind, seed=seed, **changes),
            kind,
            id=id,
            loading={"dtype": "float32"},
            eos_token_ids=[511],
        )
        for seed, (id, kind) in enumerate(kinds.items())
    }


def registry_of(specs: Mapping[str, ModelSpec]) -> Registry:
    return replace(load_registry(), models=MappingProxyType(dict(specs)), files=MappingProxyType({}))


@contextmanager
def open_engine(
    specs: Mapping[str, ModelSpec],
    device: str = "cpu",
    budget: int | None = None,
    load: Load = load_model,
    failed_load_seconds: float = 30.0,
    rows: int = 8,
    choose_step: StepChooser | None = None,
    parking: Parking | None = None,
) -> Iterator[RunningEngine]:
    """A budget of None is what the device has free; without a chooser, NARANI_STEP counts."""
    loads: list[str] = []
    networks: dict[tuple[str, str], weakref.ref[Any]] = {}

    def noted(spec: ModelSpec, quantization: str, place: torch.device, watch: LoadWatch) -> LoadedModel:
        loads.append(spec.id)
        loaded = load(spec, quantization, place, watch)
        networks[spec.id, quantization] = weakref.ref(loaded.model)
        return loaded

    loop = DecodeLoop(torch.device(device))
    if budget is None:
        budget = default_budget(loop.device)
    steps = choose_step or StepChooser(read_settings().step)
    pool = ModelPool(loop, budget, noted, estimate, files_of, failed_load_seconds, steps, parking)
    engine = LocalEngine(registry_of(specs), pool, loop, rows)
    try:
        yield RunningEngine(engine, pool, loop, loads, networks, HandLoads(engine.bring))
    finally:
        engine.close()
