"""Token ids of a prompt, in which a person's text never becomes a control token.

Knows: which token strings are kept for us, which of them an answer may hold, where in a prompt each counts,
and how to hide the others.
Refuses to know: formats, models, and what the ids are used for. A tokenizer's vocabulary is taken to be
settled when it is first used here.
"""

from __future__ import annotations

import json
import secrets
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from tokenizers import Encoding, Tokenizer

from errors import BadRequest
from prompts.rendered import PromptPiece, RenderedPrompt
from prompts.rendering import AnswerSegment, joined


class FastTokenizer(Protocol):
    """What is needed of transformers' fast tokenizers."""

    @property
    def backend_tokenizer(self) -> Any: ...


def encode(rendered: RenderedPrompt, tokenizer: FastTokenizer) -> list[int]:
    """The whole prompt's ids: as of one string, except that a control token's text written by a person
    stays text. Begins with the tokenizer's own first token where the prompt wants it; never ends with eos."""
    codec = _codec_of(tokenizer)
    return codec.start_of(rendered) + codec.encode_all([_TextToEncode.of(rendered)])[0]


def encode_segment(segment: AnswerSegment, tokenizer: FastTokenizer) -> tuple[list[int], list[int]]:
    """Ids of the prompt (exactly those it is asked with) and of the answer that is learned after it."""
    return encode_segments([segment], tokenizer)[0]


def encode_segments(
    segments: Sequence[AnswerSegment], tokenizer: FastTokenizer
) -> list[tuple[list[int], list[int]]]:
    """Ids and mask of each segment, the same as alone. All of them lie in memory at once, and the
    tokenizer may use every core."""
    codec = _codec_of(tokenizer)
    prompts = [_TextToEncode.of(segment.prompt) for segment in segments]
    wholes = [_TextToEncode.with_answer(segment) for segment in segments]
    encoded = codec.encode_all([*prompts, *wholes])
    found = []
    for segment, text, prompt, whole in zip(
        segments, wholes, encoded[: len(prompts)], encoded[len(prompts) :], strict=True
    ):
        goes_on = whole[: len(prompt)] == prompt
        answer = whole[len(prompt) :] if goes_on else codec.encode_within(segment.answer, text.turn_marks)
        found.append((codec.start_of(segment.prompt) + prompt, answer))
    return found


@dataclass(frozen=True)
class ControlTokens:
    """The control tokens of one tokenizer in one format."""

    of_turns: frozenset[str]
    """Special ones, and those that the format writes around turns: only ours are recognized."""
    in_answers: frozenset[str]
    """They mark something inside an answer (`<think>`, `<tool_call>`), so an answer is read with them."""


def control_tokens(prompt: RenderedPrompt, eos: str, tokenizer: FastTokenizer) -> ControlTokens:
    """As an answer to `prompt` is read that ends with `eos`."""
    codec = _codec_of(tokenizer)
    inside = codec.in_answers(_marks(prompt, eos))
    return ControlTokens(
        frozenset(text for id, text in codec.kept.items() if id not in inside),
        frozenset(codec.kept[id] for id in inside),
    )


def _marks(prompt: RenderedPrompt, eos: str) -> str:
    return f"{prompt.turn_marks}\n{eos}"


@dataclass(frozen=True)
class _TextToEncode:
    """What is encoded as one string, and which control tokens are not read in its answers."""

    pieces: tuple[PromptPiece, ...]
    turn_marks: str

    @classmethod
    def of(cls, prompt: RenderedPrompt) -> _TextToEncode:
        return cls(joined(prompt.pieces), prompt.turn_marks)

    @classmethod
    def with_answer(cls, segment: AnswerSegment) -> _TextToEncode:
        pieces = joined((*segment.prompt.pieces, *segment.answer))
        return cls(pieces, _marks(segment.prompt, segment.answer[-1].text))

    @cached_property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


class _Codec:
    """Private copies of one tokenizer's backend, so that nobody else's settings reach it, nor ours theirs."""

    def __init__(self, backend: Any, special: Iterable[str]) -> None:
        """`special`: texts that the tokenizer names as such, whatever its file says of them."""
        self._description = backend.to_str()
        self._plain = _copy(self._description)
        added = self._plain.get_added_tokens_decoder()
        self.kept = {id: t.content for id, t in added.items() if t.special or _could_mark(t.content)}
        named = {*special}
        self._special = {id for id, token in added.items() if token.special or token.content in named}
        self._in_answers: dict[str, frozenset[int]] = {}

    @cached_property
    def _start_ids(self) -> list[int]:
        """What the tokenizer puts before a text by itself (bos)."""
        probe = self._plain.encode("a", add_special_tokens=True)
        added = probe.special_tokens_mask
        return list(probe.ids[: added.index(0)]) if 0 in added else []

    def start_of(self, prompt: RenderedPrompt) -> list[int]:
        return list(self._start_ids) if prompt.add_bos else []

    def in_answers(self, turn_marks: str) -> frozenset[int]:
        found = self._in_answers.get(turn_marks)
        if found is None:
            marks = {id for id, _, _ in self._matches(self._encoded([turn_marks])[0], turn_marks)}
            found = self._in_answers[turn_marks] = frozenset(self.kept.keys() - self._special - marks)
        return found

    def encode_all(self, texts: Sequence[_TextToEncode]) -> list[list[int]]:
        found = []
        for said, encoding in zip(texts, self._encoded([said.text for said in texts]), strict=True):
            ids = encoding.ids
            if not self.kept.keys().isdisjoint(ids) and self._touches_theirs(encoding, said):
                hidden = "".join(self._with_stand_ins(said))
                ids = self._guarded.tokenizer.encode(hidden, add_special_tokens=False).ids
            found.append(ids)
        return found

    def _encoded(self, texts: list[str]) -> list[Encoding]:
        try:
            return list(self._plain.encode_batch(texts, add_special_tokens=False))
        except (TypeError, UnicodeEncodeError):
            raise BadRequest("text-half-character-read") from None

    def encode_within(self, pieces: tuple[PromptPiece, ...], turn_marks: str) -> list[int]:
        """As in the middle of a text: without the space that some tokenizers put before a text."""
        line = PromptPiece("\n", is_user=False)
        before, whole, alone = self.encode_all(
            [_TextToEncode(joined(part), turn_marks) for part in ((line,), (line, *pieces), pieces)]
        )
        return whole[len(before) :] if whole[: len(before)] == before else alone

    def _touches_theirs(self, encoding: Encoding, said: _TextToEncode) -> bool:
        """Whether a control token stands where it must not be one."""
        matches = list(self._matches(encoding, said.text))
        start = 0
        for piece in said.pieces:
            end = start + len(piece.text)
            for id, first, last in matches if piece.is_user else ():
                inside = start <= first and last <= end
                allowed = piece.is_answer and inside and id in self.in_answers(said.turn_marks)
                if first < end and last > start and not allowed:
                    return True
            start = end
        return False

    def _matches(self, encoding: Encoding, text: str) -> Iterator[tuple[int, int, int]]:
        """Id, first and last place of every kept token in `text`, without the spaces that it swallows."""
        for place, id in _places(encoding.ids, self.kept.keys()):
            # Not all offsets at once: a list of pairs takes nearly as long as the encoding.
            start, end = encoding.token_to_chars(place) or (0, 0)
            inside = text.find(self.kept[id], start, end)
            if inside >= 0:
                yield id, inside, inside + len(self.kept[id])
            elif id not in self._unknown:
                yield id, start, end

    @cached_property
    def _unknown(self) -> set[int]:
        """What the vocabulary makes of a character that it does not have; mostly a special token too."""
        return set(self._plain.encode("\U0010fffd", add_special_tokens=False).ids)

    def _with_stand_ins(self, said: _TextToEncode) -> Iterator[str]:
        """The text; the kept tokens that count, found in each piece alone, are written as their stand-ins."""
        for piece in said.pieces:
            written = 0
            if piece.is_answer or not piece.is_user:
                counts = self.in_answers(said.turn_marks) if piece.is_answer else self.kept.keys()
                for id, first, last in self._matches(self._encoded([piece.text])[0], piece.text):
                    if id in counts:
                        yield piece.text[written:first] + self._guarded.stand_ins[id]
                        written = last
            yield piece.text[written:]

    @cached_property
    def _guarded(self) -> _Guarded:
        return _guard(self._description, self.kept)


def _places(ids: list[int], wanted: Set[int]) -> list[tuple[int, int]]:
    """Where each wanted id stands, in order; most texts hold few, so nothing is looked at one by one."""
    found = []
    for id in wanted & set(ids):
        place = -1
        for _ in range(ids.count(id)):
            place = ids.index(id, place + 1)
            found.append((place, id))
    return sorted(found)


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
                raise BadRequest("tokenizer-not-fast")
            named = getattr(tokenizer, "all_special_tokens", ())
            codec = _codecs[tokenizer] = _Codec(backend, named)
        return codec
