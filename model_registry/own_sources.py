"""What a file or folder really is that an entry names as its source, where it is not what is needed.

Knows: the shapes in which models lie on people's disks, and what to name instead.
Refuses to know: whether the weights of a right folder are sound; that is found when they are loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt")
_PACKED = (".zip", ".tar", ".gz", ".tgz", ".xz", ".zst", ".7z", ".rar")
_FOREIGN = {
    ".gguf": "a GGUF model of llama.cpp",
    ".ggml": "a GGML model of llama.cpp",
    ".onnx": "an ONNX model",
    ".h5": "a TensorFlow model",
    ".pb": "a TensorFlow model",
    ".tflite": "a TensorFlow Lite model",
    ".msgpack": "a Flax model",
    ".npz": "an MLX model",
    ".nemo": "a NeMo model",
}
_POINTER = b"version https://git-lfs"
_MOST_NAMES = 5


def wrong_source(source: Path, is_adapter: bool) -> str | None:
    """A sentence that names what lies there and what to do; None where it looks right or is not there."""
    with suppress(OSError):
        if source.is_file():
            return _of_file(source)
        if source.is_dir():
            return _of_folder(source, is_adapter)
    return None


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
        return f"'{folder.name}' holds a whole model and no adapter. Take 'adapter' out of its entry."
    if adapter if is_adapter else model:
        return _foreign_files(folder, names) if model and not _with(names, *_WEIGHTS) else None
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
            f"'{folder.name}' holds weights but no {config}. Copy {config} and the tokenizer's files into it "
            "from the model that it was made from."
        )
    packed = _with(names, *_PACKED)
    if packed:
        return f"'{folder.name}' holds a packed file, '{packed}'. Unpack it and name what comes out."
    return f"'{folder.name}' holds no model: there is no {config} in it."


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
    return f"'{folder.name}' is the hub's cache with several models. Write one hub id as the source: {ids}"


def _foreign_files(folder: Path, names: list[str]) -> str | None:
    found = _with(names, *_FOREIGN)
    return None if found is None else _foreign(folder.name, _FOREIGN[Path(found).suffix.lower()])


def _foreign(name: str, what: str) -> str:
    return (
        f"'{name}' is {what}, which cannot be loaded here. Name the folder of the safetensors model that it "
        "was made from."
    )


def _pointers(folder: Path, names: list[str]) -> Iterator[str]:
    for name in names:
        path = folder / name
        if path.suffix in (*_WEIGHTS, ".json", ".model") and path.is_file() and path.stat().st_size < 1024:
            with path.open("rb") as file:
                if file.read(len(_POINTER)) == _POINTER:
                    yield name


def _with(names: list[str], *endings: str) -> str | None:
    return next((name for name in names if Path(name).suffix.lower() in endings), None)
