"""How likely a network finds answers that are given: log-probabilities of their tokens, and what goes with
them.

Only the tokens of answers reach the network's head, so that no logits exist for prompts. Rows are padded on
the right, where no earlier token sees it, and told apart by their lengths, never by an id: so any family
serves, and the end token counts even where a base pads with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from engines.families import lengthens
from engines.row_stepping import forget_length, stretching_ropes

_TOKENS_AT_ONCE = 1024
"""Of which the entropy is summed: it takes two copies of their logits."""


class AnsweredRow(Protocol):
    """A prompt and an answer to it as a network sees them."""

    @property
    def prompt_ids(self) -> Sequence[int]: ...
    @property
    def answer_ids(self) -> Sequence[int]: ...


@dataclass(frozen=True)
class AnswerFigures:
    """Of each token of each answer, [rows, longest answer]; 0 behind an answer's end."""

    log_probs: Tensor
    mask: Tensor
    """Which places hold a token of the answer."""
    entropy: Tensor | None = None
    """Of the probabilities that the token was drawn from, in nats; nothing is learned through it."""
    hidden: Tensor | None = None
    """[rows, longest answer, values]: the last hidden state before the token, in float32; for a value head,
    from which nothing flows back."""


def answer_figures(
    network: Any,
    rows: Sequence[AnsweredRow],
    temperature: float = 1.0,
    *,
    entropy: bool = False,
    hidden: bool = False,
    width: int | None = None,
) -> AnswerFigures:
    """All rows in one forward pass, with gradients where they are switched on. `width`: of the figures, where
    they are to be wider than the longest answer."""
    bare = network.get_base_model() if hasattr(network, "get_base_model") else network
    width = width or max(len(row.answer_ids) for row in rows)
    lengths = torch.tensor([len(row.answer_ids) for row in rows], device=bare.device)
    mask = torch.arange(width, device=bare.device) < lengths[:, None]
    logits, states = _passed(bare, rows)
    answers = torch.tensor([id for row in rows for id in row.answer_ids], device=bare.device)
    log_probs = (logits.float() / temperature).log_softmax(-1)
    chosen = log_probs.gather(-1, answers[:, None])[:, 0]
    return AnswerFigures(
        _placed(chosen, mask),
        mask,
        _placed(_entropy(log_probs.detach()), mask) if entropy else None,
        _placed(states.detach().float(), mask) if hidden else None,
    )


@torch.no_grad()
def all_figures(
    network: Any,
    rows: Sequence[AnsweredRow],
    temperature: float,
    micro_batch: int,
    *,
    entropy: bool = False,
    hidden: bool = False,
    check: Callable[[], None] = lambda: None,
) -> AnswerFigures:
    """The same of any number of rows, without gradients; `check` is called between passes and may raise."""
    width = max(len(row.answer_ids) for row in rows)
    batches, parts = micro_batches(rows, micro_batch), []
    for batch in batches:
        check()
        some = [rows[place] for place in batch]
        parts.append(answer_figures(network, some, temperature, entropy=entropy, hidden=hidden, width=width))
    back = torch.tensor(
        [place for batch in batches for place in batch], device=parts[0].mask.device
    ).argsort()

    def joined(name: str) -> Any:
        found = [getattr(part, name) for part in parts]
        return None if found[0] is None else torch.cat(found)[back]

    return AnswerFigures(joined("log_probs"), joined("mask"), joined("entropy"), joined("hidden"))


def micro_batches(rows: Sequence[AnsweredRow], size: int) -> list[list[int]]:
    """The places of rows of about one length together, so that little is padded."""
    order = sorted(range(len(rows)), key=lambda place: _length(rows[place]))
    return [order[first : first + size] for first in range(0, len(order), size)]


def _length(row: AnsweredRow) -> int:
    return len(row.prompt_ids) + len(row.answer_ids)


def _passed(bare: Any, rows: Sequence[AnsweredRow]) -> tuple[Tensor, Tensor]:
    """Logits and hidden states [answer tokens, ...] of all rows, one answer after another."""
    if not lengthens(bare.config):
        return _passed_at_once(bare, rows)
    # Its positions depend on how long the longest row of a pass is, and even of those before.
    ropes, alone = stretching_ropes(bare), []
    for row in rows:
        for rope in ropes:
            forget_length(rope)
        alone.append(_passed_at_once(bare, [row]))
    return torch.cat([logits for logits, _ in alone]), torch.cat([states for _, states in alone])


def _passed_at_once(bare: Any, rows: Sequence[AnsweredRow]) -> tuple[Tensor, Tensor]:
    longest = max(map(_length, rows)) - 1
    ids, places = [], list[int]()
    for number, row in enumerate(rows):
        # What follows the last token is not asked.
        read = [*row.prompt_ids, *row.answer_ids][:-1]
        ids.append(read + [0] * (longest - len(read)))
        first = number * longest + len(row.prompt_ids) - 1
        places += range(first, first + len(row.answer_ids))
    with _only(bare.get_output_embeddings(), torch.tensor(places, device=bare.device)) as seen:
        logits = bare(input_ids=torch.tensor(ids, device=bare.device), use_cache=False).logits
    return logits[0], seen[0]


@contextmanager
def _only(head: Any, places: Tensor) -> Iterator[list[Tensor]]:
    """Inside, the head is given these hidden states alone, in one row; they are kept in the list."""
    seen: list[Tensor] = []

    def picking(_: object, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        states, *others = given
        seen.append(states.flatten(0, 1).index_select(0, places))
        return (seen[0][None], *others)

    handle = head.register_forward_pre_hook(picking)
    try:
        yield seen
    finally:
        handle.remove()


def _placed(values: Tensor, mask: Tensor) -> Tensor:
    """Values of all answer tokens, one answer after another, at their places."""
    placed = values.new_zeros(*mask.shape, *values.shape[1:])
    placed[mask] = values
    return placed


@torch.no_grad()
def _entropy(log_probs: Tensor) -> Tensor:
    return torch.cat([torch.special.entr(part.exp()).sum(-1) for part in log_probs.split(_TOKENS_AT_ONCE)])
