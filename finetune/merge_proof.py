"""Whether a merged model says what its adapter said: logits and greedy answers, on prompts that ship.

Knows: how an adapter is asked before it is merged, how another network is held against it, what is too far.
Refuses to know: how anything is merged, loaded or stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from errors import Cause, NaraniError
from prompts.conversation import Conversation
from prompts.encoding import encode
from prompts.format import PromptFormat
from prompts.rendering import render

_PROMPTS = Path(__file__).parent / "merge_prompts.txt"
_ANSWER_TOKENS = 16
_LIMITS = {"float32": (1e-3, 0.99), "16-bit": (0.03, 0.9), "int8": (0.15, 0.8), "nf4": (0.4, 0.5)}
"""How far a merged model may be from its adapter: the mean difference in units of the logits' own spread, at
most, and the share of tokens chosen alike, at least. Rounding alone stays far below."""


class MergeDiffers(NaraniError):
    """The merged model does not say what the adapter says; it was not kept."""

    category = "merge-differs"


@dataclass(frozen=True)
class Proof:
    """A network held against the adapter, on the adapter's own greedy answers."""

    quantization: str
    """How the merged model was loaded for it."""
    largest: float
    """The largest distance between two logits."""
    mean: float
    spread: float
    """The standard deviation of the adapter's logits: what the differences are to be read against."""
    agreement: float
    """The share of answer tokens that are the likeliest for both."""
    same_answers: int
    """Prompts whose greedy answer is the same to the last token."""
    prompts: int


@dataclass(frozen=True)
class ProvenAnswer:
    """What the adapter says to one prompt."""

    ids: tuple[int, ...]
    """The prompt and its greedy answer."""
    first: int
    """Where in `ids` the answer begins."""
    logits: Tensor
    """A row for each token of the answer, from which it was chosen."""


@dataclass(frozen=True)
class Expected:
    """What every later form of it is held against."""

    said: tuple[ProvenAnswer, ...]
    changed: float
    """The mean difference that the adapter makes to the logits of its base."""


def merge_questions() -> list[str]:
    return [line for line in _PROMPTS.read_text(encoding="utf-8").splitlines() if line]


def prompt_ids(format: PromptFormat, tokenizer: Any) -> list[list[int]]:
    asked = (Conversation.ask(question) for question in merge_questions())
    return [encode(render(format, conversation, tokenizer), tokenizer) for conversation in asked]


@torch.no_grad()
def expected_of(
    network: Any,
    prompts: Sequence[Sequence[int]],
    ends: frozenset[int],
    without_adapter: AbstractContextManager[Any] | None = None,
) -> Expected:
    """Ask the adapter; within `without_adapter` the same network answers as its base."""
    wholes = [(tuple(ids), (*ids, *_greedy(network, ids, ends))) for ids in prompts]
    said = tuple(ProvenAnswer(whole, len(ids), _logits(network, whole, len(ids))) for ids, whole in wholes)
    with without_adapter or nullcontext():
        changes = [
            float((_logits(network, each.ids, each.first) - each.logits).abs().mean()) for each in said
        ]
    return Expected(said, sum(changes) / len(changes))


@torch.no_grad()
def compare(network: Any, expected: Expected, quantization: str) -> Proof:
    largest, means, spreads, alike, tokens, same = 0.0, [], [], 0, 0, 0
    for each in expected.said:
        logits = _logits(network, each.ids, each.first)
        difference = (logits - each.logits).abs()
        agree = logits.argmax(-1) == each.logits.argmax(-1)
        # A value that is not a number must not be lost in a comparison.
        largest = max(largest, float(difference.nan_to_num(nan=torch.inf).max()))
        means.append(float(difference.mean()))
        spreads.append(float(each.logits.std()))
        alike, tokens, same = alike + int(agree.sum()), tokens + len(agree), same + bool(agree.all())
    count = len(expected.said)
    return Proof(quantization, largest, sum(means) / count, sum(spreads) / count, alike / tokens, same, count)


def refuse_difference(proof: Proof, expected: Expected, dtype: str) -> None:
    """Raises MergeDiffers beyond what rounding explains."""
    unquantized = proof.quantization == "none"
    kind = proof.quantization if not unquantized else "float32" if dtype == "float32" else "16-bit"
    mean, agreement = _LIMITS[kind]
    is_near = proof.mean <= mean * proof.spread and proof.agreement >= agreement
    # Rounded so far that it stands nearer to its base than to its adapter, it has lost what was learned.
    if is_near and (not unquantized or proof.mean <= expected.changed / 2):
        return
    raise MergeDiffers(
        "merge-differs" if unquantized else "merge-differs-quantized",
        quantization=proof.quantization,
        largest=proof.largest,
        mean=proof.mean,
        agreement=proof.agreement,
        changed=expected.changed,
        advice=_advice(unquantized, dtype),
    )


def _advice(unquantized: bool, dtype: str) -> Cause:
    if not unquantized:
        return Cause("merge-use-over-quantized")
    return Cause("merge-use-adapter" if dtype == "float32" else "merge-with-float32")


def _greedy(network: Any, ids: Sequence[int], ends: frozenset[int]) -> Iterator[int]:
    """The likeliest token each time, the end included. By hand: `generate` loses the state of RWKV."""
    device = next(network.parameters()).device
    step, kept = torch.tensor([list(ids)], device=device), dict[str, Any]()
    for _ in range(_ANSWER_TOKENS):
        out = network(input_ids=step, use_cache=True, **kept)
        token = int(out.logits[0, -1].argmax())
        yield token
        if token in ends:
            return
        step = torch.tensor([[token]], device=device)
        name = "state" if "state" in out else "past_key_values"
        kept = {name: out[name]}


def _logits(network: Any, ids: Sequence[int], first: int) -> Tensor:
    """For each token from `first` on, the row it was chosen from; read anew in one pass, so that two networks
    are compared on the same arithmetic."""
    device = next(network.parameters()).device
    rows = network(torch.tensor([list(ids)], device=device), use_cache=False).logits
    values: Tensor = rows[0, first - 1 : len(ids) - 1].float().cpu()
    return values
