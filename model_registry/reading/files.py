"""The small files of a model, wherever it lies: which there are, and as much of one as is asked for.

A folder of this machine is read here. Links out of it and whatever is no plain file count as not there, and
are named; a file larger than it may be is not read at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from errors import Cause, LoadError, NaraniError
from model_registry.faults import printable

_MOST_FILES = 5_000
_MOST_BYTES = 2**20
"""Of a file of settings; some may be larger."""
_LARGER = {
    "tokenizer_config.json": 16 * 2**20,
    "model.safetensors.index.json": 32 * 2**20,
}


class SourceFiles(Protocol):
    """What can be asked of a model's files without loading it."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """Every file beside config.json, with its bytes."""

    @property
    def refused(self) -> Mapping[str, Cause]:
        """Files that are there and are not read, and why."""

    @property
    def parameters(self) -> Mapping[str, int]:
        """How many there are of each dtype, where that is known without a look into the files."""

    @property
    def said(self) -> Mapping[str, Mapping[str, Any]]:
        """Some of what files of settings hold, which serves where one is given to nobody."""

    def part(self, name: str, start: int, count: int) -> bytes:
        """At most so many bytes from there on; a `NaraniError` where they cannot be had."""


class FolderFiles:
    """Those of a folder on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.sizes: dict[str, int] = {}
        self.refused: dict[str, Cause] = {}
        self.parameters: Mapping[str, int] = {}
        self.said: Mapping[str, Mapping[str, Any]] = {}
        root = folder.resolve()
        if root.parent.name == "snapshots":  # the hub's cache links to its own blobs
            root = root.parent.parent
        with os.scandir(folder) as entries:
            for entry in islice(entries, _MOST_FILES):
                self._add(Path(entry.path), root)

    def _add(self, path: Path, root: Path) -> None:
        try:
            if not path.resolve().is_relative_to(root):
                self.refused[path.name] = Cause("file-points-outside", file=printable(path.name))
            elif path.is_file():
                self.sizes[path.name] = path.stat().st_size
        except (OSError, RuntimeError):
            self.refused[path.name] = Cause("reading-system-refused", file=printable(path.name))

    def part(self, name: str, start: int, count: int) -> bytes:
        try:
            with (self._folder / name).open("rb") as file:
                file.seek(start)
                return file.read(count)
        except OSError:
            raise LoadError("reading-system-refused", file=printable(name)) from None


def whole(files: SourceFiles, name: str) -> bytes:
    """A file of settings, if it is no larger than such a file may be."""
    size, most = files.sizes[name], _LARGER.get(name, _MOST_BYTES)
    if size > most:
        raise LoadError("reading-file-too-big", file=name, size=size, most=most)
    return files.part(name, 0, size) if size else b""


def json_object(files: SourceFiles, name: str) -> dict[str, Any]:
    """A JSON object; what is none is named by its file."""
    try:
        value = json.loads(whole(files, name).decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise LoadError("file-not-json", file=name) from None
    if not isinstance(value, dict):
        raise LoadError("file-no-json-object", file=name)
    return value


def why_not(error: NaraniError) -> Cause:
    return Cause(error.cause.code, **error.facts)
