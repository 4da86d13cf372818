"""The files of a folder that can be documents: which there are, and by what their content is known again.

Knows: folders, links, sizes and hashes.
Refuses to know: what stands in a file, and what was read of it before.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from errors import Cause
from errors.system_reason import system_reason
from search.problems import SearchProblem

SUFFIXES = (".txt", ".md", ".html", ".htm", ".pdf", ".jsonl")
LARGEST = dict.fromkeys((".txt", ".md", ".pdf"), 64 * 2**20) | dict.fromkeys((".html", ".htm"), 8 * 2**20)
"""Bytes of a file that is one document, which has to be in memory at once. A jsonl is read by lines."""
_PIECE = 2**20


@dataclass(frozen=True)
class FolderFile:
    """A file as the folder lists it."""

    path: str
    """The path below the folder, with slashes."""
    size: int
    stamp: int
    """When it was changed, in nanoseconds."""

    @property
    def suffix(self) -> str:
        return os.path.splitext(self.path)[1].lower()


@dataclass(frozen=True)
class Listing:
    """All that a folder holds at a moment."""

    files: tuple[FolderFile, ...]
    problems: tuple[Cause, ...]
    """What is left out, and why."""


def named_folder(name: str | Path) -> Path:
    """The folder that a person named, where `~` and `~name` are homes. Raises `SearchProblem` for a name that
    none can have."""
    try:
        if "\0" not in str(name):
            return Path(name).expanduser()
    except RuntimeError:  # nobody is called so
        pass
    raise SearchProblem("search-folder-unreadable", folder=str(name), why=Cause("system-not-there"))


def listed(folder: Path) -> Listing:
    """The documents below the folder in the order of their paths. Hidden files and folders are passed over;
    so are links, and one that leads out of the folder is told. Raises OSError where the folder cannot be
    listed itself."""
    walk = _Walk(folder.resolve(strict=True))
    walk.go()
    return Listing(tuple(sorted(walk.files, key=lambda file: file.path)), tuple(walk.problems))


class _Walk:
    """One way through a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.files: list[FolderFile] = []
        self.problems: list[Cause] = []

    def go(self) -> None:
        waiting = [self._root]
        while waiting:
            place = waiting.pop()
            try:
                entries = sorted(os.scandir(place), key=lambda entry: entry.name)
            except OSError as error:
                if place == self._root:
                    raise
                self.problems.append(_unreadable(self._below(place), error))
                continue
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_symlink():
                    self._link(entry)
                elif entry.is_dir():
                    waiting.append(Path(entry.path))
                else:
                    self._file(entry)

    def _file(self, entry: os.DirEntry[str]) -> None:
        path = self._below(Path(entry.path))
        if not path.lower().endswith(SUFFIXES):
            return
        try:
            state = entry.stat(follow_symlinks=False)
        except OSError as error:
            self.problems.append(_unreadable(path, error))
            return
        file = FolderFile(path, state.st_size, state.st_mtime_ns)
        if not stat.S_ISREG(state.st_mode):
            return
        if printable(path) != path:
            self.problems.append(Cause("search-document-name-broken", file=printable(path)))
        elif file.size > (most := LARGEST.get(file.suffix, file.size)):
            self.problems.append(Cause("search-document-too-large", file=path, megabytes=most // 2**20))
        else:
            self.files.append(file)

    def _link(self, link: os.DirEntry[str]) -> None:
        """What one inside the folder leads to is listed where it lies."""
        path = self._below(Path(link.path))
        try:
            target = Path(link.path).resolve(strict=True)
        except (OSError, RuntimeError):  # it leads nowhere, or to itself
            return
        if not target.is_relative_to(self._root) and (target.is_dir() or path.lower().endswith(SUFFIXES)):
            self.problems.append(Cause("search-document-outside", file=printable(path)))

    def _below(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def content_key(folder: Path, file: FolderFile, check: Callable[[], None]) -> tuple[str, int]:
    """The key by which the content is known again under another name, and how many lines it has. The kind
    belongs to it: the same bytes are another document as Markdown than as a page."""
    digest, lines, last = hashlib.sha256(), 0, b"\n"
    with (folder / file.path).open("rb") as stream:
        while piece := stream.read(_PIECE):
            check()
            digest.update(piece)
            lines += piece.count(b"\n")
            last = piece[-1:]
    return f"{file.suffix} {digest.hexdigest()}", lines + (last != b"\n")


def _unreadable(path: str, error: OSError) -> Cause:
    return Cause("file-unreadable", file=printable(path), why=system_reason(error))


def printable(path: str) -> str:
    """Bytes of a name that are no text, as a question mark."""
    return path.encode("utf-8", "replace").decode("utf-8")
