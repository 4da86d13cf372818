"""A real engine over the models that a test module names in KINDS, or one that parks them; one thread, and a
light collector."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import torch
import transformers.models.auto.modeling_auto
import transformers.models.gpt_neox.modeling_gpt_neox  # noqa: F401

import engines.local  # noqa: F401
from engines.parking import Parking
from model_registry.spec import ModelSpec
from tests.engines.parked_engine import CountedMemory, asked
from tests.engines.running_engine import RunningEngine, make_models, open_engine


@pytest.fixture(scope="package", autouse=True)
def _whole_collector_afterwards() -> Iterator[None]:
    torch.set_num_threads(1)
    yield
    gc.unfreeze()


@pytest.fixture(scope="module", autouse=True)
def _light_collector(_whole_collector_afterwards: None) -> None:
    """Every model that goes, every refused load and every shortage collects garbage, which would walk all of
    torch and transformers each time: a third of a second. Each module leaves out what was imported before."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module")
def specs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelSpec]:
    return make_models(tmp_path_factory.mktemp("models"), request.module.KINDS)


@pytest.fixture(scope="module")
def running(specs: dict[str, ModelSpec]) -> Iterator[RunningEngine]:
    with open_engine(specs) as opened:
        yield opened


OpenParking = Callable[..., AbstractContextManager[RunningEngine]]


@pytest.fixture
def memory() -> Iterator[CountedMemory]:
    """Whatever a test does, no block is out when its engine has closed."""
    made = CountedMemory()
    yield made
    assert made.out == {}


@pytest.fixture(scope="module")
def one_model(specs: dict[str, ModelSpec]) -> int:
    """Bytes that the model a is measured to take."""
    with open_engine(specs) as running:
        asked(running, "a")
        return running.view().residents[0].weight_bytes


@pytest.fixture
def opened(specs: dict[str, ModelSpec], one_model: int, memory: CountedMemory) -> OpenParking:
    """An engine with room for so many models on the device and so many copies in the host's memory."""

    @contextmanager
    def with_room(here: float = 1.6, host: float = 9, **how: Any) -> Iterator[RunningEngine]:
        parked = Parking(int(one_model * host), memory)
        with open_engine(specs, budget=int(one_model * here), parking=parked, **how) as running:
            yield running
            assert running.view().host_used == memory.nbytes

    return with_room
