"""What all tests of training share: one thread, and a garbage collector that skips the libraries.

Knows: that a training collects garbage several times, which each time walks all of torch and trl.
Refuses to know: what is tested.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import finetune.training.sft  # noqa: F401
from tests.engines.tiny_models import make_tiny_model
from tests.finetune.training.training_house import add_base, asking_few, write_rows


@pytest.fixture(scope="package", autouse=True)
def _light_collector() -> Iterator[None]:
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture
def few_questions() -> Iterator[None]:
    with asking_few():
        yield


@pytest.fixture
def home(tmp_path: Path, tiny_folder: Path) -> Path:
    """With the entry 'tiny': a GPT-NeoX of two layers, which is asked in the koalpaca format."""
    home = tmp_path / "home"
    add_base(home, tiny_folder, "gpt_neox", prompt_format="koalpaca")
    return home


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.jsonl")
