"""Holds that an estimate from the files is what is then measured, costs little, and needs no network.

Run: python -m pytest tests/engines/loading
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
import torch

from engines.loading import estimate, load_model
from model_registry.memory import bytes_needed
from model_registry.spec import Quantization
from tests.engines.load_watch import RecordingWatch
from tests.engines.tiny_models import Kind, make_tiny_model, tiny_spec
from tests.processor_time import least_seconds

CPU = torch.device("cpu")


@pytest.mark.parametrize("quantization", get_args(Quantization))
@pytest.mark.parametrize("kind", ["gpt_neox", "llama", "rwkv"])
def test_weights_from_headers_are_what_is_loaded(
    tmp_path: Path, kind: Kind, quantization: Quantization
) -> None:
    spec = tiny_spec(make_tiny_model(tmp_path, kind, hidden=128, dtype=torch.float16), kind)
    guess = estimate(spec, quantization, CPU)
    loaded = load_model(spec, quantization, CPU, RecordingWatch())
    held = sum(value.nbytes for value in loaded.model.parameters())
    assert guess.weight_bytes == pytest.approx(held, rel=0.0 if quantization == "none" else 0.02)


@pytest.mark.parametrize(
    ("kind", "cache", "state"),
    [("gpt_neox", 2 * 2 * 128 * 2, 0), ("llama", 2 * 2 * 64 * 2, 0), ("rwkv", 0, 2 * 128 * (2 * 2 + 3 * 4))],
)
def test_cache_and_state(tmp_path: Path, kind: Kind, cache: int, state: int) -> None:
    guess = estimate(tiny_spec(make_tiny_model(tmp_path, kind, hidden=128), kind), "none", CPU)
    assert (guess.cache_bytes_per_token, guess.state_bytes) == (cache, state)


def test_cache_of_a_token_is_what_the_cache_holds(tmp_path: Path) -> None:
    spec = tiny_spec(make_tiny_model(tmp_path, "llama"), "llama")
    model = load_model(spec, "none", CPU, RecordingWatch()).model
    with torch.no_grad():
        cache = model(torch.ones(1, 10, dtype=torch.long), use_cache=True).past_key_values
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert held == 10 * estimate(spec, "none", CPU).cache_bytes_per_token


def test_without_files_the_registry_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    spec = tiny_spec("people/model", parameters=5_885_059_072)
    guess = estimate(spec, "nf4", CPU)
    assert guess.weight_bytes == bytes_needed(spec, "nf4")
    assert 459_000 < guess.cache_bytes_per_token < 600_000


def test_damaged_files_are_left_for_loading_to_name(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path)
    (folder / "model.safetensors").write_bytes(b"")
    spec = tiny_spec(folder)
    assert estimate(spec, "none", CPU).weight_bytes == bytes_needed(spec, "none")


def test_it_is_quick(tmp_path: Path) -> None:
    spec = tiny_spec(make_tiny_model(tmp_path, layers=40))
    estimate(spec, "none", CPU)
    assert least_seconds(lambda: estimate(spec, "none", CPU), 0.2) < 0.2
