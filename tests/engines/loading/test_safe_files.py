"""Holds what is refused of damaged and lying files (T10), before a library parses them.

Run: python -m pytest tests/engines/loading
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engines.loading import load_model
from errors import LoadError, Unsafe
from tests.engines.load_watch import RecordingWatch
from tests.engines.loading.broken_folders import (
    CPU,
    WEIGHTS,
    change_header,
    change_json,
    change_tensors,
    refused,
)
from tests.engines.tiny_models import tiny_spec
from tests.processor_time import least_seconds

EMBEDDING = "gpt_neox.embed_in.weight"
FIRST = "embed_out.weight"


def _overlap(table: dict[str, Any]) -> None:
    table[EMBEDDING]["data_offsets"] = table[FIRST]["data_offsets"]


def _claim_more(table: dict[str, Any]) -> None:
    last = max(
        (entry for name, entry in table.items() if name != "__metadata__"), key=lambda e: e["data_offsets"]
    )
    last["data_offsets"][1] += 2**40
    last["shape"] = [(last["data_offsets"][1] - last["data_offsets"][0]) // 2]


DAMAGE: list[tuple[str, Callable[[Path], object]]] = [
    ("empty or cut off", lambda path: path.write_bytes(b"")),
    ("empty or cut off", lambda path: path.write_bytes(b"1234567")),
    ("do not fill the file exactly", lambda path: path.write_bytes(path.read_bytes()[:-100])),
    ("do not fill the file exactly", lambda path: path.write_bytes(path.read_bytes() + b"\0" * 10)),
    ("claims more", lambda path: path.write_bytes(struct.pack("<Q", 2**62) + path.read_bytes()[8:])),
    ("not readable", lambda path: path.write_bytes(struct.pack("<Q", 4) + b"nope")),
    ("lists no tensors", lambda path: path.write_bytes(struct.pack("<Q", 2) + b"[]")),
    ("lists no tensors", lambda path: path.write_bytes(struct.pack("<Q", 2) + b"{}")),
    ("not readable", lambda path: path.write_bytes(struct.pack("<Q", 200_000) + b"[" * 200_000)),
    ("not readable", lambda path: path.write_bytes(struct.pack("<Q", 15) + b'{"a":1,"a":2}  ')),
    ("overlap", lambda path: change_header(path.parent, _overlap)),
    ("do not fill the file exactly", lambda path: change_header(path.parent, _claim_more)),
    ("is not known", lambda path: change_header(path.parent, lambda t: t[FIRST].update(dtype="X9"))),
    ("is not known", lambda path: change_header(path.parent, lambda t: t[FIRST].update(shape=[-512, -32]))),
    ("match its shape", lambda path: change_header(path.parent, lambda t: t[FIRST].update(shape=[512, 33]))),
    ("not complete", lambda path: change_header(path.parent, lambda t: t.update({FIRST: 3}))),
]


@pytest.mark.parametrize(("why", "damage"), DAMAGE)
def test_damaged_safetensors_is_refused_at_once_by_name(
    folder: Path, why: str, damage: Callable[[Path], object]
) -> None:
    damage(folder / WEIGHTS)
    assert least_seconds(lambda: refused(folder), 1) < 1
    error = refused(folder)
    assert isinstance(error, Unsafe) and WEIGHTS in str(error) and why in str(error)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("quantization", ["none", "int8"])
def test_weights_that_are_no_numbers_are_named(folder: Path, value: float, quantization: str) -> None:
    name = "gpt_neox.layers.1.attention.query_key_value.weight"
    change_tensors(folder, lambda tensors: tensors[name].view(-1).__setitem__(7, value))
    with pytest.raises(LoadError, match=f"'{name}' in {WEIGHTS} holds values that are not numbers"):
        load_model(tiny_spec(folder), quantization, CPU, RecordingWatch())


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "generation_config.json"])
@pytest.mark.parametrize(
    "text", ["{", "[]", "", "\x80", "[" * 100_000], ids=["open", "list", "empty", "bytes", "deep"]
)
def test_broken_json_is_named(folder: Path, name: str, text: str) -> None:
    (folder / name).write_bytes(text.encode("latin-1"))
    assert name in str(refused(folder))


def test_missing_files_are_named(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    assert "no weights" in str(refused(folder))
    (folder / "config.json").unlink()
    assert "config.json" in str(refused(folder)) or "no weights" in str(refused(folder))
    assert "no 'nowhere'" in str(refused(folder / "nowhere"))


def shard(folder: Path) -> dict[str, str]:
    """Split the weights into two files with an index; returns its map."""
    tensors = load_file(folder / WEIGHTS)
    names = sorted(tensors)
    parts = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, part in parts.items():
        save_file({name: tensors[name] for name in part}, folder / file)
    (folder / WEIGHTS).unlink()
    index = {name: file for file, part in parts.items() for name in part}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    return index


def test_shards_load_by_their_index(folder: Path) -> None:
    wanted = load_model(tiny_spec(folder), "none", CPU, RecordingWatch()).model.state_dict()
    shard(folder)
    loaded = load_model(tiny_spec(folder), "none", CPU, RecordingWatch())
    assert all(torch.equal(value, wanted[name]) for name, value in loaded.model.state_dict().items())


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("../outside.safetensors", "outside the model's folder"),
        ("/etc/passwd", "outside the model's folder"),
        ("model-00009.safetensors", "model-00009.safetensors is missing"),
        ("model-00001-of-00002.safetensors", "lacks the tensor"),
        (7, "does not say where the weights are"),
    ],
)
def test_index_that_points_astray(folder: Path, file: Any, words: str) -> None:
    index = shard(folder)
    save_file({"x": torch.ones(1)}, folder.parent / "outside.safetensors")
    moved = next(name for name, place in sorted(index.items()) if place.startswith("model-00002"))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {**index, moved: file}}))
    assert words in str(refused(folder))


@pytest.mark.parametrize("name", [WEIGHTS, "config.json", "special_tokens_map.json"])
def test_link_out_of_the_folder_is_refused(folder: Path, name: str) -> None:
    outside = folder.parent / "elsewhere"
    outside.write_bytes((folder / name).read_bytes() if (folder / name).exists() else b"{}")
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(outside)
    error = refused(folder)
    assert isinstance(error, Unsafe) and f"{name} points outside" in str(error)


LIES: list[tuple[dict[str, Any], str]] = [
    ({"hidden_size": 64}, "does not describe its files"),
    ({"vocab_size": 1024}, "does not describe its files"),
    ({"intermediate_size": 128}, "does not describe its files"),
    ({"num_hidden_layers": 3}, "lack the tensor"),
    ({"num_hidden_layers": 1}, "says 1 layers, but its files hold more"),
    ({"num_hidden_layers": 10**9, "model_type": "qwen3"}, "claims 1000000000 layers"),
    ({"num_hidden_layers": 10**9}, "claims 1000000000 layers"),
    ({"num_attention_heads": 7}, "not valid for a network of type gpt_neox"),
    ({"hidden_size": -1}, ""),
    ({"hidden_size": "wide"}, ""),
    ({"model_type": "no_such_network"}, "which this version of transformers does not know"),
    ({"model_type": "vit"}, "does not write text"),
    ({"model_type": ["gpt_neox"]}, "which this version of transformers does not know"),
]


@pytest.mark.parametrize(("lie", "words"), LIES, ids=[str(lie) for lie, _ in LIES])
@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_config_that_lies(folder: Path, lie: dict[str, Any], words: str, quantization: str) -> None:
    change_json(folder, "config.json", **lie)
    with pytest.raises(LoadError) as caught:
        load_model(tiny_spec(folder), quantization, CPU, RecordingWatch())
    assert words in str(caught.value) and str(folder.parent) not in str(caught.value)


@pytest.mark.parametrize("part", ["weight", "bias"])
@pytest.mark.parametrize("quantization", ["none", "int8"])
def test_missing_tensor_is_refused_not_invented(folder: Path, quantization: str, part: str) -> None:
    name = f"gpt_neox.layers.0.mlp.dense_h_to_4h.{part}"
    change_tensors(folder, lambda tensors: tensors.pop(name))
    with pytest.raises(LoadError, match=f"lack the tensor '{name}'"):
        load_model(tiny_spec(folder), quantization, CPU, RecordingWatch())
