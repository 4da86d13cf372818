"""detokenize: our text stream over the bare DecodeStream it stands on, and whether its text is whole.

Knows: both sides, and the peers that are printed beside them.
Refuses to know: models; the tokens are those of Korean text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tokenizers.decoders import DecodeStream

from benchmarks.korean import RARE, mixed
from benchmarks.networks import korean_tokenizer
from benchmarks.peers import PEERS, Stream
from benchmarks.rounds import Effort, Measured, paired, timed
from engines.text_stream import TextStream

_BROKEN = "\ufffd"
_REPEATS = 20


def measure(effort: Effort) -> Measured:
    """Our time for 2048 tokens over that of DecodeStream alone."""
    ids = _ids_of(mixed())[: 8 * effort.tokens]
    bare = timed(lambda: [_bare(ids) for _ in range(_REPEATS)])
    ours = timed(lambda: [_ours(ids) for _ in range(_REPEATS)])
    broken = [*_faults("mixed text", ids), *_faults("rare text", _ids_of(RARE))]
    values = paired(ours, bare, effort.rounds)
    rivals = {"DecodeStream alone": _bare, "ours": _ours, **PEERS}
    return Measured(values, tuple(broken), tuple(_told(name, stream, ids) for name, stream in rivals.items()))


def _ids_of(text: str) -> list[int]:
    ids: list[int] = korean_tokenizer().backend_tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def _ours(ids: Sequence[int]) -> list[str]:
    stream = TextStream(korean_tokenizer().backend_tokenizer)
    shown = [stream.push(id) for id in ids]
    return [*shown, stream.finish()]


def _bare(ids: Sequence[int]) -> list[str]:
    backend = korean_tokenizer().backend_tokenizer
    decoder: Any = DecodeStream(skip_special_tokens=True)
    return [decoder.step(backend, id) or "" for id in ids]


def _faults(name: str, ids: list[int]) -> list[str]:
    """Cut at every place, so that the end falls into every part of a character."""
    whole = korean_tokenizer().backend_tokenizer.decode
    faults = []
    for end in range(max(0, len(ids) - 64), len(ids) + 1):
        text = "".join(_ours(ids[:end]))
        if _BROKEN in text:
            faults.append(f"U+FFFD in the {name} cut at token {end}")
        if text != whole(ids[:end]).rstrip(_BROKEN):
            faults.append(f"the {name} cut at token {end} is not its full decode")
    return faults


def _told(name: str, stream: Stream, ids: list[int]) -> str:
    seconds = timed(lambda: stream(ids))()
    shown = stream(ids)
    broken = sum(_BROKEN in piece for piece in shown)
    return f"{name}: {seconds / len(ids) * 1e6:.1f} us/token, {broken} pieces shown with U+FFFD"
