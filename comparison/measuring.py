"""The models of a run asked once more, one after another, for figures that no other model's turns are in.

Nothing of it is stored, and no answer of the run changes. What was measured belongs to the process, and is
found by the id of the run.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

from comparison.kept_by_id import KeptById
from comparison.run import submit
from engines.base import Answer, AnswerRequest, Engine, FinishReason, LiveAnswer

_LOOK_SECONDS = 1.0
"""How often it is seen whether anybody still looks on."""


@dataclass(eq=False)
class Measuring:
    """One measuring at work or ended; any thread may look and stop it."""

    id: str
    """Of its run."""
    owner: str
    requests: Mapping[int, AnswerRequest]
    """By position, in the order asked."""
    asked: list[LiveAnswer] = field(default_factory=list)
    """So far; the last may still answer."""
    stopped: bool = False
    over: bool = False

    @property
    def ended(self) -> bool:
        return self.stopped or self.over

    @property
    def answers(self) -> dict[int, Answer]:
        """What was measured or failed, by position; what was stopped is neither."""
        found = [live.view().answer for live in tuple(self.asked)]
        return {
            position: answer
            for position, answer in zip(self.requests, found, strict=False)
            if answer is not None and answer.finish_reason is not FinishReason.STOPPED
        }

    def stop(self) -> None:
        """Set before `asked` is read, and read after it is added to: none slips through between the two."""
        self.stopped = self.stopped or not self.over
        for live in tuple(self.asked):
            live.ask_to_stop()


class LiveMeasurings(KeptById[Measuring]):
    """Measurings by the id of their run. One question at a time is at work in all of them: two would
    share the machine. What nobody has looked at for `unwatched_seconds` is stopped, as a run is."""

    def __init__(
        self,
        engine: Engine,
        keep_seconds: float = 600,
        limit: int = 40,
        unwatched_seconds: float | None = None,
    ) -> None:
        super().__init__(keep_seconds, limit, monotonic)
        self._engine, self._unwatched_seconds = engine, unwatched_seconds
        self._alone = threading.Lock()

    def start(self, owner: str, run_id: str, requests: Mapping[int, AnswerRequest]) -> None:
        """Once ended it may be measured anew; a second click changes nothing."""
        measuring = Measuring(run_id, owner, requests)
        with self._lock:
            before = self._kept.get(run_id)
            if before is not None and (before.owner != owner or not before.ended):
                return
            self._keep(measuring)
        name = f"measuring-{run_id}"
        threading.Thread(target=self._measure, args=(measuring,), name=name, daemon=True).start()

    def _measure(self, measuring: Measuring) -> None:
        try:
            for request in measuring.requests.values():
                with self._alone:
                    live = LiveAnswer(request.model_id)
                    measuring.asked.append(live)
                    if measuring.stopped:
                        return
                    submit(self._engine, request, live)
                    while not live.wait(_LOOK_SECONDS):
                        self._stop_unwatched(measuring)
        finally:
            measuring.over = True

    def _stop_unwatched(self, measuring: Measuring) -> None:
        if self._unwatched_seconds is None:
            return
        with self._lock:
            left_alone = self._looked_at.get(measuring.id, 0.0) <= self._clock() - self._unwatched_seconds
        if left_alone:
            measuring.stop()
