"""Token ids of a prompt, in which a person's text never becomes a control token.

Knows: which token strings are kept for us, where in a prompt they are ours, and how to hide the others.
Refuses to know: formats, models, and what the ids are used for. A tokenizer's vocabulary is taken to be
settled when it is first used here.
"""

from __future__ import annotations

import json
import secrets
import threading
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from tokenizers import Encoding, Tokenizer

from errors import BadRequest
from prompts.rendered import Piece, RenderedPrompt
from prompts.rendering import Segment, joined


class FastTokenizer(Protocol):
    """What is needed of transformers' fast tokenizers."""

    @property
    def backend_tokenizer(self) -> Any: ...


def encode(rendered: RenderedPrompt, tokenizer: FastTokenizer) -> list[int]:
    """The whole prompt's ids: as of one string, except that a control token's text written by a person
    stays text. Begins with the tokenizer's own first token where the prompt wants it; never ends with eos."""
    codec = _codec_of(tokenizer)
    start = codec.start_ids if rendered.add_bos else []
    return [*start, *codec.encode(rendered.pieces)]


def encode_segment(segment: Segment, tokenizer: FastTokenizer) -> tuple[list[int], list[int]]:
    """Ids of the prompt (exactly those it is asked with) and of the answer that is learned after it."""
    prompt = encode(segment.prompt, tokenizer)
    codec = _codec_of(tokenizer)
    start = len(codec.start_ids) if segment.prompt.add_bos else 0
    whole = codec.encode((*segment.prompt.pieces, *segment.answer))
    if whole[: len(prompt) - start] == prompt[start:]:
        return prompt, whole[len(prompt) - start :]
    return prompt, codec.encode_within(segment.answer)


class _Codec:
    """Private copies of one tokenizer's backend, so that nobody else's settings reach it, nor ours theirs."""

    def __init__(self, backend: Any) -> None:
        self._description = backend.to_str()
        self._plain = _copy(self._description)
        self._kept = {
            id: token.content
            for id, token in self._plain.get_added_tokens_decoder().items()
            if token.special or _could_mark(token.content)
        }

    @cached_property
    def start_ids(self) -> list[int]:
        """What the tokenizer puts before a text by itself (bos)."""
        probe = self._plain.encode("a", add_special_tokens=True)
        added = probe.special_tokens_mask
        return list(probe.ids[: added.index(0)]) if 0 in added else []

    def encode(self, pieces: Iterable[Piece]) -> list[int]:
        pieces = joined(pieces)
        text = "".join(piece.text for piece in pieces)
        try:
            encoding = self._plain.encode(text, add_special_tokens=False)
        except (TypeError, UnicodeEncodeError):
            raise BadRequest("The text holds half a character and cannot be read. Type it again.") from None
        if not self._touches_theirs(encoding, text, pieces):
            return list(encoding.ids)
        hidden = "".join(self._with_stand_ins(pieces))
        return list(self._guarded.tokenizer.encode(hidden, add_special_tokens=False).ids)

    def encode_within(self, pieces: Iterable[Piece]) -> list[int]:
        """As in the middle of a text: without the space that some tokenizers put before a text."""
        line = Piece("\n", is_user=False)
        before, whole = self.encode((line,)), self.encode((line, *pieces))
        return whole[len(before) :] if whole[: len(before)] == before else self.encode(pieces)

    def _touches_theirs(self, encoding: Encoding, text: str, pieces: tuple[Piece, ...]) -> bool:
        matches = list(self._matches(encoding, text))
        start = 0
        for piece in pieces:
            end = start + len(piece.text)
            if piece.is_user and any(first < end and last > start for _, first, last in matches):
                return True
            start = end
        return False

    def _matches(self, encoding: Encoding, text: str) -> Iterator[tuple[int, int, int]]:
        """Id, first and last place of every kept token in `text`, without the spaces that it swallows."""
        for id, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
            if id in self._kept:
                inside = text.find(self._kept[id], start, end)
                if inside >= 0:
                    yield id, inside, inside + len(self._kept[id])
                elif id not in self._unknown:
                    yield id, start, end

    @cached_property
    def _unknown(self) -> set[int]:
        """What the vocabulary makes of a character that it does not have; mostly a special token too."""
        return set(self._plain.encode("\U0010fffd", add_special_tokens=False).ids)

    def _with_stand_ins(self, pieces: Iterable[Piece]) -> Iterator[str]:
        """The text, with our own kept tokens (found in our text alone) written as their stand-ins."""
        for piece in pieces:
            if piece.is_user:
                yield piece.text
                continue
            written = 0
            encoding = self._plain.encode(piece.text, add_special_tokens=False)
            for id, first, last in self._matches(encoding, piece.text):
                yield piece.text[written:first] + self._guarded.stand_ins[id]
                written = last
            yield piece.text[written:]

    @cached_property
    def _guarded(self) -> _Guarded:
        return _guard(self._description, self._kept)


def _could_mark(content: str) -> bool:
    """Words, numbers and runs of spaces that a tokenizer was extended by are vocabulary: a model was taught
    to read them in anybody's text, and no turn can be forged with them."""
    return not all(letter.isalnum() or letter.isspace() or letter == "▁" for letter in content)


@dataclass(frozen=True)
class _Guarded:
    """The same tokenizer, to which the kept tokens are known by stand-ins that nobody can guess."""

    tokenizer: Tokenizer
    stand_ins: dict[int, str]


def _guard(description: str, kept: dict[int, str]) -> _Guarded:
    """Rename the kept tokens everywhere, so that neither matching nor merging can make one from text; each
    stays in its place, so its id stays the same."""
    secret = secrets.token_hex(8)
    stand_ins = {id: f"\ue000{secret}:{id}\ue001" for id in kept}
    names = {content: stand_ins[id] for id, content in kept.items()}
    data = json.loads(description)
    for token in data["added_tokens"]:
        if token["content"] in names:
            token.update(content=names[token["content"]], single_word=False, normalized=False)
    model = data["model"]
    vocabulary = model["vocab"]
    if isinstance(vocabulary, list):
        model["vocab"] = [[names.get(text, text), score] for text, score in vocabulary]
    else:
        model["vocab"] = {names.get(text, text): id for text, id in vocabulary.items()}
    if model.get("unk_token") in names:
        model["unk_token"] = names[model["unk_token"]]
    if "merges" in model:
        model["merges"] = [
            (left, right)
            for left, right in model["merges"]
            if left not in names and right not in names and left + right not in names
        ]
    return _Guarded(_copy(json.dumps(data)), stand_ins)


def _copy(description: str) -> Tokenizer:
    tokenizer = Tokenizer.from_str(description)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


_codecs: weakref.WeakKeyDictionary[FastTokenizer, _Codec] = weakref.WeakKeyDictionary()
_codecs_lock = threading.Lock()


def _codec_of(tokenizer: FastTokenizer) -> _Codec:
    with _codecs_lock:
        codec = _codecs.get(tokenizer)
        if codec is None:
            backend = getattr(tokenizer, "backend_tokenizer", None)
            if backend is None:
                raise BadRequest("This model's tokenizer has no fast form, which is needed here.")
            codec = _codecs[tokenizer] = _Codec(backend)
        return codec
