"""The checkpoints of a run: written, found again, thinned out, and each with hashes that tell if it is sound.

Knows: their names, that the newest sound one counts, and that a broken one is told of and left alone.
Refuses to know: what a checkpoint is made of, and torch.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whole_files import sync, whole_folder

MANIFEST = "manifest.json"
_CHUNK = 2**22
_NAME = re.compile(r"checkpoint-(\d+)")


@dataclass(frozen=True)
class Checkpoint:
    step: int
    path: Path


@dataclass(frozen=True)
class FoundCheckpoints:
    """What lay in the folder when a run went on."""

    newest: Checkpoint | None
    broken: tuple[str, ...]
    """A sentence for each that was passed over."""


class Checkpoints:
    def __init__(self, folder: Path, keep: int) -> None:
        self._folder, self._keep = folder, keep

    def at(self, step: int) -> Path:
        return self._folder / f"checkpoint-{step}"

    def save(self, step: int, fill: Callable[[Path], None], spare: int | None = None) -> Checkpoint:
        """On the disk when this returns; then older ones are deleted down to the number that is kept, but
        never that of the step `spare`."""

        def sealed(folder: Path) -> None:
            fill(folder)
            seal(folder, {"step": step})

        path = whole_folder(self.at(step), self._folder / f"tmp-{step}", sealed)
        self._thin_out(step, spare)
        return Checkpoint(step, path)

    def find(self) -> FoundCheckpoints:
        """The newest that is as it was written; reads every byte of it."""
        broken: list[str] = []
        for checkpoint in self.all():
            fault = fault_of(checkpoint.path)
            if fault is None:
                return FoundCheckpoints(checkpoint, tuple(broken))
            broken.append(f"{checkpoint.path.name} was passed over: {fault}.")
        return FoundCheckpoints(None, tuple(broken))

    def all(self) -> list[Checkpoint]:
        """All checkpoints by name, the newest first, sound or not."""
        try:
            named = [(path, _NAME.fullmatch(path.name)) for path in self._folder.iterdir() if path.is_dir()]
        except FileNotFoundError:
            return []
        found = [Checkpoint(int(match[1]), path) for path, match in named if match]
        return sorted(found, key=lambda checkpoint: checkpoint.step, reverse=True)

    def sweep(self) -> None:
        """What a killed process left half written or half deleted."""
        for path in self._folder.glob("tmp-*"):
            shutil.rmtree(path, ignore_errors=True)

    def _thin_out(self, step: int, spare: int | None) -> None:
        # Later ones are broken: the run went on from before them.
        earlier = [checkpoint for checkpoint in self.all() if checkpoint.step <= step]
        older = [one for one in earlier if (one.path / MANIFEST).exists()][self._keep :]
        for checkpoint in [one for one in older if one.step != spare]:
            # Under another name first: killed midway, it must not be taken for a checkpoint.
            leaving = checkpoint.path.with_name(f"tmp-old-{checkpoint.step}")
            shutil.rmtree(leaving, ignore_errors=True)
            checkpoint.path.rename(leaving)
            sync(self._folder)
            shutil.rmtree(leaving, ignore_errors=True)


def seal(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write down what every file must be; the last thing that `fill` does."""
    files = {path.name: _measure(path) for path in sorted(folder.iterdir())}
    with (folder / MANIFEST).open("x", encoding="utf-8") as file:
        json.dump({**facts, "files": files}, file, indent=1)


def fault_of(folder: Path) -> str | None:
    """Why a sealed folder is not to be trusted; None when every file is as it was written.

    Files that the manifest does not name are nobody's business: they are never opened.
    """
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        if not files or not isinstance(files, dict):
            return "its manifest names no files"
        for name, wanted in files.items():
            path = folder / name
            if Path(name).name != name or path.is_symlink() or not path.is_file():
                return f"{name} is missing"
            if path.stat().st_size != wanted["bytes"] or _measure(path) != wanted:
                return f"{name} is not what was written"
    except OSError:
        return "it was not finished"
    except (ValueError, KeyError, TypeError, RecursionError):
        return "its manifest cannot be read"
    return None


def _measure(path: Path) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return {"bytes": size, "sha256": digest.hexdigest()}
