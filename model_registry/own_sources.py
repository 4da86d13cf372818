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


def doubts_of(entry: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """By key, what `wrong_source` says of an entry as it is written in a file of `folder`, good or not."""
    adapter, tokenizer = _table(entry, "adapter"), _table(entry, "tokenizer")
    source = _local(entry.get("source"), folder)
    if source is not None and adapter:
        source /= str(adapter.get("subfolder") or "")
    found = {
        "source": source and wrong_source(source, bool(adapter)),
        "tokenizer.source": (own := _local(tokenizer.get("source"), folder)) and no_folder(own),
    }
    return {key: said for key, said in found.items() if said}


def wrong_source(source: Path, is_adapter: bool) -> str | None:
    """A sentence that names what lies there and what to do; None where it looks right."""
    with suppress(OSError):
        if source.is_dir():
            said = _of_folder(source, is_adapter)
        else:
            said = _of_file(source) if source.is_file() else no_folder(source)
        return said and printable(said)
    return None


def no_folder(source: Path) -> str | None:
    """The same of a source of a tokenizer alone, which needs no config."""
    name = printable(source.name)
    with suppress(OSError):
        if not source.exists():
            return f"There is no '{name}' where the entry says. Correct its source, or copy the folder there."
        if not source.is_dir():
            return f"'{name}' is a file, and the tokenizer's folder is needed. Name that folder."
    return None


def _local(text: object, folder: Path) -> Path | None:
    if not isinstance(text, str) or "\0" in text:
        return None
    with suppress(RuntimeError):
        return local_path(text, folder)
    return None


def _table(outer: Any, key: str) -> Mapping[str, Any]:
    found = outer.get(key) if isinstance(outer, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _of_file(file: Path) -> str:
    kind = file.suffix.lower()
    if kind in _FOREIGN:
        return _foreign(file.name, _FOREIGN[kind])
    if kind in _WEIGHTS:
        return (
            f"'{file.name}' is a single file of weights. Name the folder that holds it, with config.json and "
            "the tokenizer beside it."
        )
    if kind in _PACKED:
        return f"'{file.name}' is a packed file. Unpack it and name the folder that comes out."
    return f"'{file.name}' is a file. Name the folder of the model."


def _of_folder(folder: Path, is_adapter: bool) -> str | None:
    names = sorted(path.name for path in folder.iterdir())
    pointer = next(_pointers(folder, names), None)
    if pointer is not None:
        return (
            f"'{pointer}' in '{folder.name}' is only a Git LFS pointer: its content was never fetched. "
            "Run `git lfs pull` in the folder."
        )
    model, adapter = "config.json" in names, "adapter_config.json" in names
    if adapter and not model and not is_adapter:
        return (
            f"'{folder.name}' holds an adapter without its base. Name the base it was trained over in the "
            "entry's adapter.base."
        )
    if model and not adapter and is_adapter:
        return f"'{folder.name}' holds a whole model and no adapter. Take adapter.base out of its entry."
    if adapter if is_adapter else model:
        if not model:
            return None
        return _quantized_by_mlx(folder) if _with(names, *_WEIGHTS) else _foreign_files(folder, names)
    return _no_config(folder, names, "adapter_config.json" if is_adapter else "config.json")


def _no_config(folder: Path, names: list[str], config: str) -> str:
    cached = _hub_cache(folder, names) or _foreign_files(folder, names)
    if cached is not None:
        return cached
    inner = [name for name in names if (folder / name / config).is_file()]
    if len(inner) == 1:
        return f"'{folder.name}' is one level above the model. Name the folder '{inner[0]}' in it."
    if inner:
        found = ", ".join(f"'{name}'" for name in inner[:_MOST_NAMES])
        return f"'{folder.name}' holds several models. Name one of the folders in it: {found}."
    if _with(names, *_WEIGHTS):
        return (
            f"'{folder.name}' holds weights but no {config}. Copy that file and the tokenizer's into it from "
            "the model that it was made from."
        )
    packed = _with(names, *_PACKED)
    if packed:
        return f"'{folder.name}' holds a packed file, '{packed}'. Unpack it and name what comes out."
    return f"'{folder.name}' holds no model: there is no {config} in it. Name the folder that has one."


def _hub_cache(folder: Path, names: list[str]) -> str | None:
    """The hub's cache or a repository in it, whose folders are not for naming."""
    repository = folder.parent if folder.name == "snapshots" else folder
    if repository.name.startswith("models--"):
        hub_id = repository.name.removeprefix("models--").replace("--", "/")
        return f"'{folder.name}' belongs to the hub's cache. Write the hub's id as the source: {hub_id}"
    held = [name for name in names if name.startswith("models--")]
    if not held and "hub" in names:
        held = [path.name for path in (folder / "hub").iterdir() if path.name.startswith("models--")]
    if not held:
        return None
    ids = ", ".join(name.removeprefix("models--").replace("--", "/") for name in sorted(held)[:_MOST_NAMES])
    return f"'{folder.name}' is the hub's cache and no model. Write one hub id as the source: {ids}"


def _foreign_files(folder: Path, names: list[str]) -> str | None:
    found = _with(names, *_FOREIGN)
    return None if found is None else _foreign(folder.name, _FOREIGN[Path(found).suffix.lower()])


def _foreign(name: str, what: str) -> str:
    return (
        f"'{name}' is in the format {what}, which cannot be loaded here. Name the folder of the safetensors "
        "model that it was made from."
    )


def _quantized_by_mlx(folder: Path) -> str | None:
    """Its safetensors hold packed integers under the usual names. What transformers packed names its method;
    MLX does not, and copies its table under the other key too."""
    with suppress(ValueError, RecursionError):
        config = json.loads((folder / "config.json").read_bytes())
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
