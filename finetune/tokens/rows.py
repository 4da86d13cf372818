"""Rows of tokens from examples: what asking sends, then the answer and its end, and which of it is learned.

Knows: when several answers of one conversation fit one row, and what a row that is too long loses.
Refuses to know: how rows share a batch, and what a format looks like.

An answer's row begins with exactly the ids that it is asked with. Where the conversation so far (answer and
end token included) is just how the next question's prompt begins, as in most chat templates, both answers are
learned in one row. Formats that write an earlier turn otherwise give every answer a row of its own, and learn
only that answer there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from errors import BadRequest
from finetune.examples import Example, TokenRow
from prompts.chat import ChatTokenizer
from prompts.encoding import FastTokenizer, encode_segment
from prompts.format import PromptFormat
from prompts.rendering import training_text


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


def token_rows(
    examples: Iterable[Example],
    format: PromptFormat,
    tokenizer: TrainingTokenizer,
    eos: str,
    *,
    max_tokens: int,
    learn_prompts: bool,
) -> TokenRows:
    """Every answer of every example, learned once, with its end token; prompts too where `learn_prompts`."""
    end = _end_id(tokenizer, eos)
    rows: list[TokenRow] = []
    dropped: list[str] = []
    same: dict[int, int] = {}
    for example in examples:
        drafts: list[_Draft] = []
        for count, (prompt, answer) in enumerate(_encoded(example, format, tokenizer, eos, end), start=1):
            if len(prompt) >= max_tokens:
                dropped.append(f"{example.source}, answer {count}" if count > 1 else example.source)
                continue
            if not (drafts and drafts[-1].begins(prompt)):
                drafts.append(_Draft())
            drafts[-1].add(prompt, answer)
        for draft in drafts:
            # One object for each id: a million rows of own integers would take five times the memory.
            ids = tuple(map(same.setdefault, draft.ids[:max_tokens], draft.ids))
            learned = draft.learned(learn_prompts)[:max_tokens]
            rows.append(TokenRow(ids, learned, example.source, cut=len(draft.ids) > max_tokens))
    return TokenRows(tuple(rows), cut=sum(row.cut for row in rows), dropped=tuple(dropped))


@dataclass
class _Draft:
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
        return (False, *(prompts_too or answer for answer in self.answers[1:]))


def _encoded(
    example: Example, format: PromptFormat, tokenizer: TrainingTokenizer, eos: str, end: int
) -> Iterator[tuple[list[int], list[int]]]:
    """Prompt and answer of each answered turn; a fault names where the example was read."""
    try:
        for segment in training_text(format, example.conversation, eos, tokenizer):
            prompt, answer = encode_segment(segment, tokenizer)
            if answer[-1] != end:
                raise _not_an_end(eos)
            yield prompt, answer
    except BadRequest as error:
        raise BadRequest(f"{example.source}: {error}", **{**error.facts, "source": example.source}) from None


def _end_id(tokenizer: TrainingTokenizer, eos: str) -> int:
    if not eos:
        raise BadRequest(
            "This base model names no end token, so a tuned one could not learn where an answer ends. Name it"
            " in its registry entry."
        )
    kept = {token.content: id for id, token in tokenizer.backend_tokenizer.get_added_tokens_decoder().items()}
    if eos not in kept:
        raise _not_an_end(eos)
    return int(kept[eos])


def _not_an_end(eos: str) -> BadRequest:
    return BadRequest(
        f"'{eos}' is not a control token of this base model, so it cannot end an answer. Name its own end"
        " token in its registry entry.",
        eos=eos,
    )
