"""Rows of tokens from examples: what asking sends, then the answer and its end, and which of it is learned.

Knows: when several answers of one conversation fit one row, and what a row that is too long loses.
Refuses to know: how rows share a batch, and what a format looks like.

An answer's row begins with exactly the ids that it is asked with. Where the conversation so far (answer and
end token included) is just how the next question's prompt begins, as in most chat templates, both answers are
learned in one row. Formats that write an earlier turn otherwise give every answer a row of its own, and learn
only that answer there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from errors import BadRequest
from finetune.examples import Example, TokenRow
from prompts.chat import ChatTokenizer
from prompts.conversation import Conversation
from prompts.encoding import FastTokenizer, control_tokens, encode_segments
from prompts.format import PromptFormat
from prompts.rendering import AnswerSegment, render, training_text

_CHARACTERS_AT_ONCE = 2**18
_Pair = tuple[list[int], list[int]]
"""Ids of a prompt and of its answer."""


class TrainingTokenizer(ChatTokenizer, FastTokenizer, Protocol):
    """What is needed of a base's tokenizer."""


@dataclass(frozen=True)
class TokenRows:
    """What became of the examples."""

    rows: tuple[TokenRow, ...]
    cut: int
    """Rows that lost their end, and with it the end token."""
    dropped: tuple[str, ...]
    """Answers of which nothing would have been left, by where they were read."""
    taught: Mapping[str, int]
    """Control tokens inside of answers, each with the number of answers that teach it."""


def token_rows(
    examples: Iterable[Example],
    format: PromptFormat,
    tokenizer: TrainingTokenizer,
    eos: str,
    *,
    max_tokens: int,
    learn_prompts: bool,
    check: Callable[[], None] = lambda: None,
) -> TokenRows:
    """Every answer that is learned, once, with its end token; prompts too where `learn_prompts`, except where
    one of the answers in them must not be learned.

    `check` is called every few hundred rows, and may raise."""
    marks = _in_answers(format, tokenizer, eos)
    rows: list[TokenRow] = []
    dropped: list[str] = []
    taught: Counter[str] = Counter()
    same: dict[int, int] = {}
    for example, encoded in encoded_answers(examples, format, tokenizer, eos, check):
        drafts: list[_RowDraft] = []
        for place, prompt, answer in encoded:
            if len(prompt) >= max_tokens:
                dropped.append(f"{example.source}, answer {place + 1}" if place else example.source)
                continue
            if not (drafts and drafts[-1].begins(prompt)):
                drafts.append(_RowDraft())
            drafts[-1].add(prompt, answer)
            taught.update(marks[id] for id in marks.keys() & answer)
        for draft in drafts:
            # One object for each id: a million rows of own integers would take five times the memory.
            ids = tuple(map(same.setdefault, draft.ids[:max_tokens], draft.ids))
            # Answers that are only read stand in prompts.
            learned = draft.learned(learn_prompts and not example.not_learned)[:max_tokens]
            rows.append(TokenRow(ids, learned, example.source, cut=len(draft.ids) > max_tokens))
    return TokenRows(tuple(rows), sum(row.cut for row in rows), tuple(dropped), dict(taught))


@dataclass
class _RowDraft:
    """A row that another turn may still go on."""

    ids: list[int] = field(default_factory=list)
    answers: list[bool] = field(default_factory=list)

    def begins(self, prompt: list[int]) -> bool:
        return prompt[: len(self.ids)] == self.ids

    def add(self, prompt: list[int], answer: list[int]) -> None:
        self.answers += [False] * (len(prompt) - len(self.answers)) + [True] * len(answer)
        self.ids = [*prompt, *answer]

    def learned(self, prompts_too: bool) -> tuple[bool, ...]:
        """Never the first token: there is nothing before it that could predict it."""
        return (False, *([True] * (len(self.answers) - 1) if prompts_too else self.answers[1:]))


def encoded_answers(
    examples: Iterable[Example],
    format: PromptFormat,
    tokenizer: TrainingTokenizer,
    eos: str,
    check: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Example, list[tuple[int, list[int], list[int]]]]]:
    """Of each answer that is learned its turn, and the ids of its prompt and of itself with the end token; a
    fault names where it was read."""
    end = _end_id(tokenizer, eos)
    for group in _groups(examples, format, tokenizer, eos):
        check()
        pairs = iter(_encoded_at_once(group, tokenizer))
        for example, segments in group:
            found = list(islice(pairs, len(segments)))
            if any(answer[-1] != end for _, answer in found):
                with _naming(example):
                    raise _not_an_end(eos)
            places = [n for n in range(len(example.conversation.turns)) if n not in example.not_learned]
            yield example, [(place, *pair) for place, pair in zip(places, found, strict=True)]


def _groups(
    examples: Iterable[Example], format: PromptFormat, tokenizer: TrainingTokenizer, eos: str
) -> Iterator[list[tuple[Example, tuple[AnswerSegment, ...]]]]:
    """Enough examples to keep the tokenizer busy, and few enough to lie in memory however many there are."""
    group, characters = [], 0
    for example in examples:
        with _naming(example):
            every = training_text(format, example.conversation, eos, tokenizer)
        segments = tuple(one for place, one in enumerate(every) if place not in example.not_learned)
        group.append((example, segments))
        characters += sum(len(segment.prompt.text) + len(segment.answer_text) for segment in segments)
        if characters >= _CHARACTERS_AT_ONCE:
            yield group
            group, characters = [], 0
    if group:
        yield group


def _encoded_at_once(
    group: Sequence[tuple[Example, tuple[AnswerSegment, ...]]], tokenizer: TrainingTokenizer
) -> list[_Pair]:
    try:
        return encode_segments([segment for _, segments in group for segment in segments], tokenizer)
    except BadRequest:
        for example, segments in group:
            with _naming(example):
                encode_segments(segments, tokenizer)
        raise


@contextmanager
def _naming(example: Example) -> Iterator[None]:
    try:
        yield
    except BadRequest as error:
        raise BadRequest("row-refused", source=example.source, reason=error) from None


def _in_answers(format: PromptFormat, tokenizer: TrainingTokenizer, eos: str) -> dict[int, str]:
    """The control tokens that an answer may teach."""
    prompt = render(format, Conversation.ask("?"), tokenizer)
    texts = control_tokens(prompt, eos, tokenizer).in_answers
    added = tokenizer.backend_tokenizer.get_added_tokens_decoder()
    return {id: token.content for id, token in added.items() if token.content in texts}


def _end_id(tokenizer: TrainingTokenizer, eos: str) -> int:
    if not eos:
        raise BadRequest("base-names-no-eos")
    kept = {token.content: id for id, token in tokenizer.backend_tokenizer.get_added_tokens_decoder().items()}
    if eos not in kept:
        raise _not_an_end(eos)
    return int(kept[eos])


def _not_an_end(eos: str) -> BadRequest:
    return BadRequest("eos-not-control-token", eos=eos)
