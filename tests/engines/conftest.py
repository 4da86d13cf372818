"""A real engine over the models that a test module names in KINDS, one thread, and a light collector."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
import torch
import transformers.models.auto.modeling_auto
import transformers.models.gpt_neox.modeling_gpt_neox  # noqa: F401

import engines.local  # noqa: F401
from model_registry.spec import ModelSpec
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
