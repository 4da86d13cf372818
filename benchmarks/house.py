"""The local engine over networks of the benchmarks: the path that every answer of Narani takes.

Knows: how to open it on folders, ask it, and reach a network while it is resident.
Refuses to know: what is measured.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import torch

from engines.base import Answer, AnswerRequest, GenerationSettings, LiveAnswer
from engines.decoding import DecodeLoop
from engines.devices import default_budget
from engines.loading import LoadedModel, LoadWatch, estimate, files_of, load_model
from engines.local import LocalEngine
from engines.memory import PoolView
from engines.occupant import ResidentKey
from engines.pool import ModelPool
from errors import NaraniError
from model_registry.registry import Registry, load_registry
from model_registry.spec import ModelSpec
from prompts.conversation import Conversation

_PATIENCE = 300.0


@dataclass
class House:
    """An engine, its pool and its loop."""

    engine: LocalEngine
    pool: ModelPool
    loop: DecodeLoop
    networks: dict[tuple[str, str], weakref.ref[Any]]
    """The network of each (model, quantization) that was loaded, without keeping it in memory."""

    def ask(
        self, model_id: str, question: str, *, tokens: int, quantization: str | None = None, **settings: Any
    ) -> LiveAnswer:
        live = LiveAnswer(model_id)
        asked = GenerationSettings(max_new_tokens=tokens, **settings)
        self.engine.submit(
            AnswerRequest(model_id, Conversation.ask(question), asked, quantization=quantization), live
        )
        return live

    def answer(self, model_id: str, question: str, *, tokens: int, **how: Any) -> Answer:
        """The whole answer; one that failed is an error here."""
        answer = answer_of(self.ask(model_id, question, tokens=tokens, **how))
        if answer.error is not None:
            raise NaraniError(f"{model_id} did not answer: {answer.error}")
        return answer

    def view(self) -> PoolView:
        return self.pool.view()

    def release(self, model_id: str, quantization: str = "none") -> bool:
        return self.pool.unload(ResidentKey(model_id, quantization))


def answer_of(live: LiveAnswer) -> Answer:
    """The answer when it has ended, however it ended."""
    if not live.wait(_PATIENCE):
        raise NaraniError(f"{live.model_id} did not end within {_PATIENCE:g} seconds.")
    answer = live.view().answer
    assert answer is not None, "an ended answer is there"
    return answer


@contextmanager
def open_house(
    specs: Mapping[str, ModelSpec], device: str = "cpu", budget: int | None = None
) -> Iterator[House]:
    networks: dict[tuple[str, str], weakref.ref[Any]] = {}

    def load(spec: ModelSpec, quantization: str, place: torch.device, watch: LoadWatch) -> LoadedModel:
        loaded = load_model(spec, quantization, place, watch)
        networks[spec.id, quantization] = weakref.ref(loaded.model)
        return loaded

    loop = DecodeLoop(torch.device(device))
    pool = ModelPool(loop, budget or default_budget(loop.device), load, estimate, files_of)
    engine = LocalEngine(_registry_of(specs), pool, loop, rows_per_model=8)
    if loop.device.type == "cpu":
        loop.call(lambda: torch.set_num_threads(1))
    try:
        yield House(engine, pool, loop, networks)
    finally:
        engine.close()


def _registry_of(specs: Mapping[str, ModelSpec]) -> Registry:
    return replace(load_registry(), models=MappingProxyType(dict(specs)), files=MappingProxyType({}))
