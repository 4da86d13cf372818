"""`python -m search index DIR`: bring the index of a folder up to date, so that no question waits for it."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from command_line import on_interrupt
from errors import Stopped, wording
from search.documents.dense import dense_passages
from search.documents.index import DocumentsIndex
from search.watch import SearchWatch
from settings import read_settings, terminal_language

_LINE_SECONDS = 5.0
"""Where nobody watches a line change, a new one is written so often."""
_REDRAWN_SECONDS = 0.1


@dataclass(frozen=True)
class IndexOptions:
    """Read the txt, md, html, pdf and jsonl files of a folder and index them."""

    folder: Annotated[Path, tyro.conf.Positional]
    """The folder; all folders below it are read too."""


class ShownWatch(SearchWatch):
    """Writes how far it is to stderr: one line that changes on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self._changes = sys.stderr.isatty()
        self._next = time.monotonic() + (0 if self._changes else _LINE_SECONDS)

    def report(self, stage: str, done: int = 0, total: int | None = None) -> None:
        super().report(stage, done, total)
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + (_REDRAWN_SECONDS if self._changes else _LINE_SECONDS)
        line = f"{stage}: {done:,}" + ("" if total is None else f" of {total:,}")
        sys.stderr.write(f"\r{line}\x1b[K" if self._changes else f"{line}\n")

    def close(self) -> None:
        if self._changes:
            sys.stderr.write("\r\x1b[K")


def index_folder(options: IndexOptions) -> int:
    """What could not be read is told on stderr, and is no failure of the others."""
    settings = read_settings()
    index = DocumentsIndex(options.folder, settings.home, dense=dense_passages(settings.search_dense))
    watch = ShownWatch()
    with on_interrupt(watch.stop):
        try:
            problems = index.update(watch)
        except Stopped as stopped:
            raise Stopped("search-index-stopped") from stopped
        finally:
            watch.close()
    for problem in problems:
        sys.stderr.write(f"{wording(problem, terminal_language())}\n")
    sys.stdout.write(f"documents: {index.documents():,}\n")
    return 0
