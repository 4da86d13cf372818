"""Turns one answer's token ids into whole characters, and cuts it where a stop string begins.

Knows: incremental decoding, held-back text, stop strings, and the lead that training put before an answer.
Refuses to know: models, settings, threads. What was emitted is final: it never has to be taken back.
"""

from __future__ import annotations

from typing import Any

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream

_BROKEN = "�"


class TextStream:
    """Push ids, get the text that is now certain; half a character or half a stop string is held back."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        stop_strings: tuple[str, ...] = (),
        lead: str = "",
        after_newline: bool = False,
    ) -> None:
        self._tokenizer = tokenizer
        self._decoder: Any = DecodeStream(skip_special_tokens=True)
        self._ids: list[int] = []
        self._decoded = 0
        self._cutter = StopCutter(stop_strings, after_newline)
        self._lead = lead

    @property
    def stopped_by(self) -> str | None:
        return self._cutter.stopped_by

    def push(self, token_id: int) -> str:
        self._ids.append(token_id)
        piece = self._decoder.step(self._tokenizer, token_id)
        if not piece:
            return ""
        self._decoded += len(piece)
        return self._cutter.push(self._without_lead(piece))

    def finish(self) -> str:
        """Everything still held back. Bytes that never became a character are not shown."""
        whole = self._tokenizer.decode(self._ids, skip_special_tokens=True)
        rest = whole[self._decoded :].rstrip(_BROKEN)
        return self._cutter.push(self._without_lead(rest)) + self._cutter.finish()

    def _without_lead(self, piece: str) -> str:
        while self._lead and piece and piece[0] == self._lead[0]:
            self._lead, piece = self._lead[1:], piece[1:]
        if piece:
            self._lead = ""
        return piece


class StopCutter:
    """Lets text through up to the stop string that is complete first, never showing any part of it."""

    def __init__(self, stop_strings: tuple[str, ...], after_newline: bool = False) -> None:
        self._stops = stop_strings
        self._held = "\n" if after_newline and any(stop.startswith("\n") for stop in stop_strings) else ""
        self._unreal = len(self._held)
        self.stopped_by: str | None = None

    def push(self, piece: str) -> str:
        if self.stopped_by is not None or not piece:
            return ""
        if not self._stops:
            return piece
        self._held += piece
        found = [(place, stop) for stop in self._stops if (place := self._held.find(stop)) >= 0]
        if found:
            place, self.stopped_by = min(found, key=lambda hit: (hit[0] + len(hit[1]), hit[0]))
            return self._release(place)
        return self._release(len(self._held) - self._half_stop())

    def finish(self) -> str:
        return "" if self.stopped_by is not None else self._release(len(self._held))

    def _half_stop(self) -> int:
        """The length of the longest end of the held text that could still become a stop string."""
        longest = min(len(self._held), max(len(stop) for stop in self._stops) - 1)
        for size in range(longest, 0, -1):
            end = self._held[-size:]
            if any(stop.startswith(end) for stop in self._stops):
                return size
        return 0

    def _release(self, count: int) -> str:
        """The first `count` held characters, less the line break that belongs to the prompt."""
        released, self._held = self._held[:count], self._held[count:]
        unreal = min(self._unreal, len(released))
        self._unreal -= unreal
        return released[unreal:]
