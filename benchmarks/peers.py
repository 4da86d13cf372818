"""How others turn tokens into text while they stream, with the same tokenizer: printed beside our own.

Knows: transformers' TextStreamer as it is, and two patterns written anew from what they do.
Refuses to know: our own way, and what is a good one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from transformers import TextStreamer

from benchmarks.networks import korean_tokenizer

Stream = Callable[[Sequence[int]], list[str]]
"""Tokens in; what is shown after each of them out, "" where nothing is, and at last what the end adds."""

_FASTCHAT_INTERVAL = 2


def text_streamer(ids: Sequence[int]) -> list[str]:
    """transformers' own: decodes its whole line for every token, and waits for a space."""
    streamer = _Collecting(korean_tokenizer())
    for id in ids:
        streamer.put(torch.tensor([id]))
    streamer.end()
    return streamer.shown


def decode_all(ids: Sequence[int]) -> list[str]:
    """FastChat pattern: every other token, decode everything so far and show what is new."""
    decode = korean_tokenizer().backend_tokenizer.decode
    return list(_grown(decode(ids[:end]) for end in _shown_at(len(ids))))


def each_alone(ids: Sequence[int]) -> list[str]:
    """Every token decoded by itself."""
    decode = korean_tokenizer().backend_tokenizer.decode
    return [*(decode([id]) for id in ids), ""]


PEERS: dict[str, Stream] = {
    "transformers TextStreamer": text_streamer,
    "FastChat pattern": decode_all,
    "each token alone": each_alone,
}


def _shown_at(count: int) -> Iterator[int]:
    """How much is decoded after each token, and at the end."""
    for end in range(1, count + 1):
        yield end - end % _FASTCHAT_INTERVAL
    yield count


def _grown(texts: Iterator[str]) -> Iterator[str]:
    before = ""
    for text in texts:
        yield text[len(before) :]
        before = text


class _Collecting(TextStreamer):
    def __init__(self, tokenizer: Any) -> None:
        super().__init__(tokenizer)
        self.shown: list[str] = []

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        self.shown.append(text)
