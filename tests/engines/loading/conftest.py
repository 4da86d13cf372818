"""A small sound model for the tests of loading, and folders in which it may be broken."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.engines.tiny_models import make_tiny_model


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("sound") / "model")


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "model"))
