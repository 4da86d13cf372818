"""A real engine over the models that a test module names in KINDS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from model_registry.spec import ModelSpec
from tests.engines.running_engine import RunningEngine, make_models, open_engine


@pytest.fixture(scope="module")
def specs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelSpec]:
    return make_models(tmp_path_factory.mktemp("models"), request.module.KINDS)


@pytest.fixture(scope="module")
def running(specs: dict[str, ModelSpec]) -> Iterator[RunningEngine]:
    with open_engine(specs) as opened:
        yield opened
