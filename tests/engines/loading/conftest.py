"""What all tests of loading share: one thread, and a garbage collector that skips the libraries.

Knows: that every refused load collects garbage, which walks all of torch and transformers each time.
Refuses to know: what is tested.
"""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import transformers.models.auto.modeling_auto
import transformers.models.gpt_neox.modeling_gpt_neox  # noqa: F401

from tests.engines.tiny_models import make_tiny_model


@pytest.fixture(scope="package", autouse=True)
def _light_collector() -> Iterator[None]:
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("sound") / "model")


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "model"))
