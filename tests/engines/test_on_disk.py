"""Whether a model's weights are here is told by names alone, in every way they can be stored or lack.

Run: python -m pytest tests/engines/test_on_disk.py
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from engines.on_disk import DiskLook, on_disk
from model_registry.registry import load_registry
from model_registry.spec import ModelSpec

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SHARDS = json.dumps({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}})
INDEX = "model.safetensors.index.json"


def spec(source: str, **changes: Any) -> ModelSpec:
    entry = {
        "id": "m",
        "title": "m",
        "source": source,
        "family": "f",
        "architecture": "llama",
        "parameters": 10,
        "context_length": 10,
        "license": {"name": "x", "commercial": "yes"},
        "prompt_format": "plain",
    }
    return ModelSpec.of_entry({**entry, **changes})


@pytest.mark.parametrize(
    ("files", "changes", "there"),
    [
        ({}, {}, False),
        ({"model.safetensors": ""}, {}, True),
        ({INDEX: SHARDS, "model-1.safetensors": "", "model-2.safetensors": ""}, {}, True),
        ({INDEX: SHARDS, "model-1.safetensors": ""}, {}, False),
        ({INDEX: "{}"}, {}, False),
        ({INDEX: '{"weight_map": {"a": 1}}'}, {}, False),
        ({INDEX: "not json"}, {}, False),
        ({"pytorch_model.bin": ""}, {}, False),
        ({"pytorch_model.bin": ""}, {"loading": {"allow_pickle": True}}, True),
        ({"adapter_model.safetensors": ""}, {"adapter": {"base": "b"}}, True),
        ({"in/adapter_model.safetensors": ""}, {"adapter": {"base": "b", "subfolder": "in"}}, True),
        ({"model.safetensors": ""}, {"adapter": {"base": "b"}}, False),
    ],
)
@pytest.mark.parametrize("hub", [False, True])
def test_every_file_of_weights_has_to_be_there(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str],
    changes: dict[str, Any],
    there: bool,
    hub: bool,
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    folder = tmp_path / "models--o--n" / "snapshots" / COMMIT if hub else tmp_path / "own"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    source = {"source": "o/n", "revision": COMMIT} if hub else {"source": str(folder)}
    assert on_disk(spec(**{**source, **changes})) is there


@pytest.mark.parametrize(
    ("revision", "there"), [(None, True), ("main", True), ("v2", False), (COMMIT, True), ("f" * 40, False)]
)
def test_the_revision_that_is_wanted_has_to_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revision: str | None, there: bool
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    model = tmp_path / "models--o--n"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text(COMMIT)
    (model / "snapshots" / COMMIT).mkdir(parents=True)
    (model / "snapshots" / COMMIT / "model.safetensors").touch()
    assert on_disk(spec("o/n", revision=revision)) is there


def test_a_download_that_broke_off_leaves_a_link_to_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    folder = tmp_path / "models--o--n" / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (folder / "model.safetensors").symlink_to(tmp_path / "models--o--n" / "blobs" / "gone")
    assert not on_disk(spec("o/n", revision=COMMIT))


def test_an_adapter_is_there_with_its_base_and_a_look_is_remembered_for_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "over").mkdir()
    (tmp_path / "over" / "adapter_model.safetensors").touch()
    base = spec(str(tmp_path / "base"))
    over = spec(str(tmp_path / "over"), id="over", adapter={"base": "m"})
    registry = replace(load_registry(), models=MappingProxyType({"m": base, "over": over}))
    look = DiskLook(registry)
    assert not look.has("over") and not look.has("m") and not look.has("nobody")
    (tmp_path / "base" / "model.safetensors").touch()
    assert not look.has("over")
    monkeypatch.setattr("engines.on_disk._TRUSTED_SECONDS", 0.0)
    assert look.has("over") and look.has("m")
