"""What a file or folder really is that an entry names as its source, where it is not what is needed.

Knows: the shapes in which models lie on people's disks, and what to name instead.
Refuses to know: whether the weights of a right folder are sound; that is found when they are loaded. It makes
no entry faulty either: a folder that is not there now may be brought later.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from errors import Cause
from model_registry.entries import local_path
from model_registry.faults import printable

_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt")
_PACKED = (".zip", ".tar", ".gz", ".tgz", ".xz", ".zst", ".7z", ".rar")
_FOREIGN = {
    ".gguf": "GGUF (llama.cpp)",
    ".ggml": "GGML (llama.cpp)",
    ".onnx": "ONNX",
    ".h5": "TensorFlow",
    ".pb": "TensorFlow",
    ".tflite": "TensorFlow Lite",
    ".msgpack": "Flax",
    ".npz": "MLX",
    ".nemo": "NeMo",
}
_POINTER = b"version https://git-lfs"
_MOST_NAMES = 5


def doubts_of(entry: Mapping[str, Any], folder: Path) -> dict[str, Cause]:
    """What `wrong_source` says, by key, of an entry as it is written in a file of `folder`, good or not."""
    adapter, tokenizer = _table(entry, "adapter"), _table(entry, "tokenizer")
    source = _local(entry.get("source"), folder)
    if source is not None and adapter:
        source /= str(adapter.get("subfolder") or "")
    found = {
        "source": source and wrong_source(source, bool(adapter)),
        "tokenizer.source": (own := _local(tokenizer.get("source"), folder)) and no_folder(own),
    }
    return {key: said for key, said in found.items() if said}


def wrong_source(source: Path, is_adapter: bool) -> Cause | None:
    """What lies there and what to do; None where it looks right."""
    with suppress(OSError):
        if source.is_dir():
            said = _of_folder(source, is_adapter)
        else:
            said = _of_file(source) if source.is_file() else no_folder(source)
        return said and _printable(said)
    return None


def no_folder(source: Path) -> Cause | None:
    """The same of a source of a tokenizer alone, which needs no config."""
    name = printable(source.name)
    with suppress(OSError):
        if not source.exists():
            return Cause("source-nowhere", name=name)
        if not source.is_dir():
            return Cause("source-tokenizer-file", name=name)
    return None


def _printable(cause: Cause) -> Cause:
    """The names of files are a stranger's."""
    facts: dict[str, Any] = {
        name: printable(fact) if isinstance(fact, str) else tuple(map(printable, fact))
        for name, fact in cause.facts.items()
    }
    return Cause(cause.code, **facts)


def _local(text: object, folder: Path) -> Path | None:
    if not isinstance(text, str) or "\0" in text:
        return None
    with suppress(RuntimeError):
        return local_path(text, folder)
    return None


def _table(outer: Any, key: str) -> Mapping[str, Any]:
    found = outer.get(key) if isinstance(outer, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _of_file(file: Path) -> Cause:
    kind = file.suffix.lower()
    if kind in _FOREIGN:
        return _foreign(file.name, _FOREIGN[kind])
    if kind in _WEIGHTS:
        return Cause("source-one-file", name=file.name)
    if kind in _PACKED:
        return Cause("source-packed", name=file.name)
    return Cause("source-file", name=file.name)


def _of_folder(folder: Path, is_adapter: bool) -> Cause | None:
    names = sorted(path.name for path in folder.iterdir())
    pointer = next(_pointers(folder, names), None)
    if pointer is not None:
        return Cause("source-pointer", name=folder.name, file=pointer)
    model, adapter = "config.json" in names, "adapter_config.json" in names
    if adapter and not model and not is_adapter:
        return Cause("source-adapter", name=folder.name)
    if model and not adapter and is_adapter:
        return Cause("source-whole-model", name=folder.name)
    if adapter if is_adapter else model:
        if not model:
            return None
        return _quantized_by_mlx(folder) if _with(names, *_WEIGHTS) else foreign_file(folder.name, names)
    return _no_config(folder, names, "adapter_config.json" if is_adapter else "config.json")


def _no_config(folder: Path, names: list[str], config: str) -> Cause:
    cached = _hub_cache(folder, names) or foreign_file(folder.name, names)
    if cached is not None:
        return cached
    inner = [name for name in names if (folder / name / config).is_file()]
    if len(inner) == 1:
        return Cause("source-one-above", name=folder.name, inner=inner[0])
    if inner:
        return Cause("source-several", name=folder.name, inner=inner[:_MOST_NAMES])
    if _with(names, *_WEIGHTS):
        return Cause("source-no-config", name=folder.name, config=config)
    packed = _with(names, *_PACKED)
    if packed:
        return Cause("source-packed-inside", name=folder.name, file=packed)
    return Cause("source-no-model", name=folder.name, config=config)


def _hub_cache(folder: Path, names: list[str]) -> Cause | None:
    """The hub's cache or a repository in it, whose folders are not for naming."""
    repository = folder.parent if folder.name == "snapshots" else folder
    if repository.name.startswith("models--"):
        hub_id = repository.name.removeprefix("models--").replace("--", "/")
        return Cause("source-in-cache", name=folder.name, id=hub_id)
    held = [name for name in names if name.startswith("models--")]
    if not held and "hub" in names:
        held = [path.name for path in (folder / "hub").iterdir() if path.name.startswith("models--")]
    if not held:
        return None
    ids = [name.removeprefix("models--").replace("--", "/") for name in sorted(held)[:_MOST_NAMES]]
    return Cause("source-cache", name=folder.name, ids=ids)


def foreign_file(named: str, names: list[str]) -> Cause | None:
    """What is said of a model called so whose files are of a form that cannot be loaded here."""
    found = _with(names, *_FOREIGN)
    return None if found is None else _foreign(named, _FOREIGN[Path(found).suffix.lower()])


def _foreign(name: str, what: str) -> Cause:
    return Cause("source-format", name=name, format=what)


def _quantized_by_mlx(folder: Path) -> Cause | None:
    """Its safetensors hold packed integers under the usual names. What transformers packed names its method;
    MLX does not, and copies its table under the other key too."""
    with suppress(ValueError, RecursionError):
        path = folder / "config.json"
        config = json.loads(path.read_bytes()) if path.is_file() else {}  # a pipe would keep us waiting
        packed, other = _table(config, "quantization"), _table(config, "quantization_config")
        if {"group_size", "bits"} <= packed.keys() and "quant_method" not in other:
            return _foreign(folder.name, "MLX")
    return None


def _pointers(folder: Path, names: list[str]) -> Iterator[str]:
    for name in names:
        path = folder / name
        if path.suffix in (*_WEIGHTS, ".json", ".model") and path.is_file() and path.stat().st_size < 1024:
            with path.open("rb") as file:
                if file.read(len(_POINTER)) == _POINTER:
                    yield name


def _with(names: list[str], *endings: str) -> str | None:
    return next((name for name in names if Path(name).suffix.lower() in endings), None)
