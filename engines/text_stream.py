"""Turns one answer's token ids into whole characters, and cuts it where a stop string begins.

It decodes step by step, also tokens that are single bytes, drops the lead that training put before an answer,
and holds back what may still become a stop string. What was emitted is final.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
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
        """What the decoder was given."""
        self._decoded = 0
        values = _byte_tokens(tokenizer)
        self._bytes = ByteTokens(values) if values else None
        self._stand_in = tokenizer.token_to_id("<0x2E>") if values else None
        self._cutter = StopCutter(stop_strings, after_newline)
        self._lead = lead

    @property
    def stopped_by(self) -> str | None:
        return self._cutter.stopped_by

    def push(self, token_id: int) -> str:
        piece = self._decode(token_id) if self._bytes is None else self._beside_bytes(token_id, self._bytes)
        return self._cutter.push(self._without_lead(piece)) if piece else ""

    def finish(self) -> str:
        """Everything still held back. Bytes that never became a character are not shown."""
        whole = self._tokenizer.decode(self._ids, skip_special_tokens=True)
        rest = whole[self._decoded :].rstrip(_BROKEN)
        return self._cutter.push(self._without_lead(rest)) + self._cutter.finish()

    def _decode(self, token_id: int) -> str:
        self._ids.append(token_id)
        text: str = self._decoder.step(self._tokenizer, token_id) or ""
        self._decoded += len(text)
        return text

    def _beside_bytes(self, token_id: int, among: ByteTokens) -> str:
        broken, ids = "", [token_id]
        if token_id in among.values:
            broken, ids = among.push(token_id)
        elif among.held and not self._is_silent(token_id):
            broken = among.break_off()
        if broken and not self._ids and self._stand_in is not None:
            # The decoder must know that something came first: it takes the space off the first word.
            self._decode(self._stand_in)
        return broken + "".join(map(self._decode, ids))

    def _is_silent(self, token_id: int) -> bool:
        """Whether a token is never shown, so that it does not come between two bytes of a character."""
        token = self._tokenizer.get_added_tokens_decoder().get(token_id)
        return token is not None and token.special

    def _without_lead(self, piece: str) -> str:
        while self._lead and piece and piece[0] == self._lead[0]:
            self._lead, piece = self._lead[1:], piece[1:]
        if piece:
            self._lead = ""
        return piece


class ByteTokens:
    """The tokens that are single bytes (Llama 2, SOLAR, Gemma), held until they are a whole character.

    The decoder would write every byte of a run anew as soon as one is broken, and raises where it has
    already given some of them out; so it is only given the bytes of whole characters."""

    def __init__(self, values: dict[int, int]) -> None:
        self.values = values
        """Token → byte."""
        self.held: list[int] = []
        self._utf8 = getincrementaldecoder("utf-8")("replace")

    def push(self, token_id: int) -> tuple[str, list[int]]:
        """(U+FFFD for what is broken now, the tokens of a character that is whole now)."""
        self.held.append(token_id)
        text = self._utf8.decode(bytes((self.values[token_id],)))
        whole = text.lstrip(_BROKEN)
        waiting = len(self._utf8.getstate()[0])
        done, self.held = self.held[: len(self.held) - waiting], self.held[len(self.held) - waiting :]
        return text[: len(text) - len(whole)], done[len(done) - len(whole.encode()) :]

    def break_off(self) -> str:
        """U+FFFD for the bytes of a character that does not go on."""
        self.held = []
        return self._utf8.decode(b"", final=True)


def _byte_tokens(tokenizer: Tokenizer) -> dict[int, int]:
    """Token → byte, known by their names, where the tokenizer really decodes them so."""
    letter = tokenizer.token_to_id("<0x41>")
    if letter is None or tokenizer.decode([letter]) != "A":
        return {}
    ids = {byte: tokenizer.token_to_id(f"<0x{byte:02X}>") for byte in range(256)}
    return {id: byte for byte, id in ids.items() if id is not None}


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
