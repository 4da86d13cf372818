"""A watch over a load that remembers what it was told, and can stop the load at a chosen report.

Knows: the reports of one load.
Refuses to know: how models are loaded.
"""

from __future__ import annotations

import threading

from errors import AS_WRITTEN, Stopped


class RecordingWatch:
    """Records every report; from the report with the number `stop_at` on, each one raises Stopped."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.reports: list[tuple[str, float | None, str]] = []
        self.threads: set[threading.Thread] = set()
        self._stop_at = stop_at

    def report(self, stage: str, fraction: float | None, note: str = "") -> None:
        self.reports.append((stage, fraction, note))
        self.threads.add(threading.current_thread())
        if self._stop_at is not None and len(self.reports) >= self._stop_at:
            raise Stopped(AS_WRITTEN, sentence="The load was stopped.")

    def fractions(self, stage: str) -> list[float]:
        return [fraction for name, fraction, _ in self.reports if name == stage and fraction is not None]
