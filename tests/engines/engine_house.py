"""A real local engine over tiny real models, for tests that ask it.

Knows: how to lay entries and models in a folder and open an engine on them.
Refuses to know: what is tested.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engines.base import Answer, AnswerRequest, GenerationSettings, LiveAnswer
from engines.decoding import DecodeLoop
from engines.devices import pick_device
from engines.loading import estimate, files_of, load_model
from engines.local import LocalEngine
from engines.memory import PoolView
from engines.pool import Load, ModelPool
from model_registry.registry import Registry, load_registry
from model_registry.spec import ModelSpec
from prompts.conversation import Conversation
from tests.engines.tiny_models import Kind, make_tiny_model, tiny_spec

PLENTY = 10**9


@dataclass
class House:
    """An engine, its pool and its models."""

    engine: LocalEngine
    pool: ModelPool
    loop: DecodeLoop
    loads: list[str]
    """The id of every model a load was begun for, in order."""

    def ask(self, model_id: str, question: str = "서울은 어디인가요?", **settings: Any) -> LiveAnswer:
        return self.submit(request(model_id, question, **settings))

    def submit(self, asked: AnswerRequest) -> LiveAnswer:
        live = LiveAnswer(asked.model_id)
        self.engine.submit(asked, live)
        return live

    def view(self) -> PoolView:
        return self.engine.view()


def request(model_id: str, question: str = "서울은 어디인가요?", **settings: Any) -> AnswerRequest:
    settings.setdefault("max_new_tokens", 16)
    return AnswerRequest(model_id, Conversation.ask(question), GenerationSettings(**settings))


def answer_of(live: LiveAnswer, seconds: float = 60.0) -> Answer:
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


def registry_of(specs: dict[str, ModelSpec]) -> Registry:
    return replace(load_registry(), models=MappingProxyType(specs), files=MappingProxyType({}))


@contextmanager
def open_house(
    specs: dict[str, ModelSpec],
    budget: int = PLENTY,
    load: Load = load_model,
    failed_load_seconds: float = 30.0,
    rows: int = 8,
) -> Iterator[House]:
    loads: list[str] = []

    def counted(spec: ModelSpec, *rest: Any) -> Any:
        loads.append(spec.id)
        return load(spec, *rest)

    loop = DecodeLoop(pick_device("cpu"))
    pool = ModelPool(loop, budget, counted, estimate, files_of, failed_load_seconds)
    engine = LocalEngine(registry_of(specs), pool, loop, rows)
    try:
        yield House(engine, pool, loop, loads)
    finally:
        engine.close()
