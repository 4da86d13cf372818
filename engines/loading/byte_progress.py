"""Stands in for the progress bars of huggingface_hub: counts bytes for the watch, cancels any thread.

It has the few methods of a tqdm bar that the downloader calls.
"""

from __future__ import annotations

import threading
from typing import Any

from engines.loading.loaded import LoadWatch
from errors import NaraniError


class SilentBar:
    """A bar that draws nothing."""

    format_dict: dict[str, Any] = {}

    def __init__(self, *args: Any, total: float | None = None, **kwargs: Any) -> None:
        self.total = total
        self.n = 0.0

    def __enter__(self) -> SilentBar:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def update(self, count: float | None = 1) -> None:
        self.n += count or 0

    def _nothing(self, *args: Any, **kwargs: Any) -> None:
        return None

    refresh = close = set_description = set_description_str = set_postfix_str = _nothing


class ByteProgress:
    """Adds up what all download threads received; once cancelled, each stops at its next chunk."""

    silent = SilentBar

    def __init__(self, total: int, watch: LoadWatch) -> None:
        self._total, self._watch = max(1, total), watch
        self._received = 0.0
        self._cancelled: NaraniError | None = None
        self._lock = threading.Lock()

    def bar(self, *args: Any, **kwargs: Any) -> SilentBar:
        """The factory given as tqdm_class; of the three bars only one counts the bytes that arrived."""
        counts = str(kwargs.get("desc", "")).startswith("Reconstructing")
        return _CountingBar(self, *args, **kwargs) if counts else SilentBar(*args, **kwargs)

    def add(self, count: float) -> None:
        with self._lock:
            if self._cancelled is not None:
                raise self._cancelled
            self._received += count
            fraction = min(1.0, max(0.0, self._received / self._total))
            try:
                self._watch.report("download", fraction)
            except NaraniError as error:
                self._cancelled = error
                raise


class _CountingBar(SilentBar):
    def __init__(self, progress: ByteProgress, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._progress = progress

    def update(self, count: float | None = 1) -> None:
        super().update(count)
        self._progress.add(count or 0)
