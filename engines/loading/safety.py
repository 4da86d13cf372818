"""What may be loaded: the one place that decides it, before any library parses a file of a model.

It knows which files and keys can run code, when an entry allows them, and whether the files fit together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from errors import LoadError, Unsafe
from model_registry.reading.headers import StoredTensor, read_header
from model_registry.spec import ModelSpec, is_commit

CODE_KEYS = ("auto_map", "custom_pipelines", "_attn_implementation_internal")
_ATTENTION_KEYS = ("attn_implementation", "_attn_implementation")
_KNOWN_ATTENTION = (None, "eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_JSON_FILES = ("config.json", "generation_config.json", "tokenizer_config.json", "adapter_config.json")


@dataclass(frozen=True)
class CheckedFolder:
    """A model's files after they passed; whoever loads reads only what is listed here."""

    folder: Path
    config: dict[str, Any]
    tensors: tuple[StoredTensor, ...]
    pickles: tuple[Path, ...]
    """Weights stored as .bin, only where the entry allows them; read them with weights_only."""
    trust_remote_code: bool


def may_run_its_own_code(spec: ModelSpec) -> bool:
    """The only source of `trust_remote_code`: the entry says so, for a commit that cannot be moved."""
    return spec.local.loading.trust_remote_code and is_commit(spec.local.revision)


def check_model(folder: Path, spec: ModelSpec) -> CheckedFolder:
    """The files of a base model, or the reason why they are refused."""
    check_settings(folder, spec)
    tensors = tuple(_weights(folder))
    return CheckedFolder(
        folder=folder,
        config=read_json(folder, "config.json"),
        tensors=tensors,
        pickles=() if tensors else tuple(_pickled_weights(folder, spec)),
        trust_remote_code=may_run_its_own_code(spec),
    )


def check_adapter(folder: Path, spec: ModelSpec) -> CheckedFolder:
    """The files of a PEFT adapter; its weights may only be safetensors."""
    check_settings(folder, spec)
    weights = folder / "adapter_model.safetensors"
    if not weights.exists():
        code = "adapter-only-pickle" if _pickles_in(folder) else "adapter-file-missing"
        raise Unsafe(code, model=spec.title)
    tensors = tuple(read_header(inside(folder, weights.name)))
    return CheckedFolder(folder, read_json(folder, "adapter_config.json"), tensors, (), False)


def check_settings(folder: Path, spec: ModelSpec) -> None:
    """Refuse links out of the folder, and JSON keys that make a library run code."""
    for path in folder.iterdir():
        if not path.is_dir():
            inside(folder, path.name)
    if may_run_its_own_code(spec):
        return
    for name in _JSON_FILES:
        if not (folder / name).exists():
            continue
        for key, value in _all_keys(read_json(folder, name)):
            _refuse_code(key, value, name, folder, spec)


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """A JSON object from the folder; broken or missing files are named."""
    try:
        value = json.loads(inside(folder, name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LoadError("file-missing", file=name) from None
    except (ValueError, RecursionError):
        raise LoadError("file-not-json", file=name) from None
    if not isinstance(value, dict):
        raise LoadError("file-no-json-object", file=name)
    return value


def text_settings(config: dict[str, Any]) -> dict[str, Any]:
    """The part of config.json that describes the text network, where there are others beside it."""
    inner = config.get("text_config")
    return inner if isinstance(inner, dict) else config


def inside(folder: Path, name: str) -> Path:
    """A file of the folder that does not lead out of it; the hub's cache may link to its own blobs."""
    root = folder.resolve()
    if root.parent.name == "snapshots":
        root = root.parent.parent
    path = folder / name
    if not path.resolve().is_relative_to(root):
        raise Unsafe("file-points-outside", file=Path(name).name)
    return path


def load_pickle(path: Path) -> dict[str, torch.Tensor]:
    """Tensors out of a .bin file by the restricted unpickler, which before torch 2.6 had a hole."""
    if tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2]) < (2, 6):
        raise Unsafe("bin-needs-newer-torch", file=path.name)
    try:
        values = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception:  # noqa: BLE001 - a hostile pickle can make the unpickler raise anything
        raise Unsafe("file-not-weights", file=path.name) from None
    if not isinstance(values, dict) or not all(isinstance(value, torch.Tensor) for value in values.values()):
        raise Unsafe("file-not-weights", file=path.name)
    return values


def _refuse_code(key: str, value: Any, name: str, folder: Path, spec: ModelSpec) -> None:
    if key in CODE_KEYS and not _harmless_map(key, folder, spec):
        raise Unsafe("own-code-not-allowed", model=spec.title, key=key, file=name)
    if key in _ATTENTION_KEYS and value not in _KNOWN_ATTENTION:
        raise Unsafe("attention-unknown", model=spec.title, key=key, name=name)


def _all_keys(value: Any) -> Iterator[tuple[str, Any]]:
    """Every (key, value) of nested objects, since settings of parts of a model nest."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from _all_keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _all_keys(inner)


def _harmless_map(key: str, folder: Path, spec: ModelSpec) -> bool:
    """Many hub models still name code that transformers has since taken in; none was fetched, none runs."""
    if key != "auto_map" or Path(spec.local.source).is_absolute() or any(folder.glob("*.py")):
        return False
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    config = read_json(folder, "config.json") if (folder / "config.json").exists() else {}
    return str(config.get("model_type")) in CONFIG_MAPPING_NAMES


def _weights(folder: Path) -> Iterator[StoredTensor]:
    """The tensors of model.safetensors, or of the shards its index names."""
    if (folder / "model.safetensors").exists():
        yield from read_header(inside(folder, "model.safetensors"))
    elif (folder / "model.safetensors.index.json").exists():
        yield from _shards(folder, _index(folder, "model.safetensors.index.json"))


def _shards(folder: Path, index: dict[str, str]) -> Iterator[StoredTensor]:
    for name in sorted(set(index.values())):
        wanted = {tensor for tensor, file in index.items() if file == name}
        stored = {tensor.name: tensor for tensor in read_header(inside(folder, name))}
        missing = sorted(wanted - set(stored))
        if missing:
            raise LoadError("index-tensor-missing", file=name, tensor=missing[0])
        yield from (stored[tensor] for tensor in sorted(wanted))


def _index(folder: Path, name: str) -> dict[str, str]:
    """Tensor → file of an index; every file must be there and in this folder."""
    index = read_json(folder, name).get("weight_map")
    if not isinstance(index, dict) or not all(isinstance(file, str) for file in index.values()) or not index:
        raise LoadError("index-without-weights", file=name)
    for file in sorted(set(index.values())):
        if not inside(folder, file).exists():
            raise LoadError("file-missing", file=file)
    return index


def _pickled_weights(folder: Path, spec: ModelSpec) -> list[Path]:
    if (folder / "adapter_config.json").exists():
        raise LoadError("adapter-base-unnamed", model=spec.title)
    if not _pickles_in(folder):
        raise LoadError("weights-missing", model=spec.title)
    if not spec.local.loading.allow_pickle:
        raise Unsafe("only-pickle", model=spec.title, file=_pickles_in(folder)[0].name)
    if (folder / "pytorch_model.bin").exists():
        return [inside(folder, "pytorch_model.bin")]
    files = set(_index(folder, "pytorch_model.bin.index.json").values())
    return [inside(folder, name) for name in sorted(files)]


def _pickles_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in _PICKLES)
