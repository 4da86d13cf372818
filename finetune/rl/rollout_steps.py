"""How a network reads each prompt once for its whole group, and then takes a token a step for all answers.

Families that may share a pass (engines/families.py) stand in one cache, with all prompts ended at the same
column, so that a step writes one column; RWKV's states lie beside each other; any other family goes row by
row. Which token follows is chosen elsewhere.

The cache is reserved once: answers x (longest prompt + longest answer) x the network's bytes a token of
context (`engines.stepping.bytes_per_token`); for polyglot-1.3b in 16 bits, 64 answers of 384 tokens take
4.8 GB.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from engines.batch_stepping import SlotStepper, attention_masks
from engines.families import stepper_for
from engines.slot_cache import SlotCache, Window
from engines.stepping import Stepper

_TOKENS_A_PASS = 8192
"""Of prompts that are read together, padding included."""

Prompts = Sequence[Sequence[int]]


class RolloutSteps(Protocol):
    """The answers of one sampling: each prompt's group side by side, in the order of the prompts."""

    def read(self, prompts: Prompts, group: int) -> Tensor:
        """Every prompt once; logits [prompts * group, vocabulary] of what may follow."""

    def step(self, tokens: Tensor) -> Tensor:
        """One token for every row; logits [rows, vocabulary]."""

    def leave(self, holes: Tensor, last: Tensor, left: int) -> None:
        """Rows ended: those at `last` move into the holes, and only the first `left` rows go on."""


def steps_for(network: Any, longest_answer: int, check: Callable[[], None]) -> RolloutSteps:
    """The fastest way that is proven for this network. `check` is called between passes and may raise."""
    stepper = stepper_for(network, network.device)
    if isinstance(stepper, SlotStepper):
        return _OneCache(network, longest_answer, check)
    if network.config.model_type == "rwkv":
        return _States(network, check)
    return _RowByRow(stepper, network.device, longest_answer, check)


class _OneCache:
    """A shorter prompt begins at a later column; its positions begin at 0 all the same."""

    def __init__(self, network: Any, longest_answer: int, check: Callable[[], None]) -> None:
        self._network, self._device, self._check = network, network.device, check
        self._longest_answer = longest_answer
        self._cache = SlotCache(network.config.get_text_config(decoder=True).num_hidden_layers)
        self._begins = torch.empty(0)
        self._column = 0

    def read(self, prompts: Prompts, group: int) -> Tensor:
        width = self._column = max(map(len, prompts))
        self._cache.reserve(len(prompts) * group, width + self._longest_answer)
        self._begins = torch.tensor([width - len(prompt) for prompt in prompts], device=self._device)
        padded = torch.tensor([[0] * (width - len(prompt)) + [*prompt] for prompt in prompts])
        at_once = max(1, _TOKENS_A_PASS // width)
        logits = []
        for first in range(0, len(prompts), at_once):
            self._check()
            some = padded[first : first + at_once].to(self._device)
            logits.append(self._pass(some, self._begins[first : first + at_once], first, 0))
        owner = torch.arange(len(prompts), device=self._device).repeat_interleave(group)
        self._cache.move(owner, torch.arange(len(owner), device=self._device), width)
        self._begins = self._begins[owner]
        return torch.cat(logits)[owner]

    def step(self, tokens: Tensor) -> Tensor:
        logits = self._pass(tokens[:, None], self._begins, 0, self._column)
        self._column += 1
        return logits

    def leave(self, holes: Tensor, last: Tensor, left: int) -> None:
        self._cache.move(last, holes, self._column)
        self._begins[holes] = self._begins[last]
        self._begins = self._begins[:left]

    def _pass(self, ids: Tensor, begins: Tensor, slot: int, column: int) -> Tensor:
        end = column + ids.shape[1]
        columns = torch.arange(column, end, device=self._device).expand_as(ids)
        self._cache.window = Window(slot, len(ids), columns, column, end)
        logits: Tensor = self._network(
            input_ids=ids,
            position_ids=(columns - begins[:, None]).clamp_(min=0),
            attention_mask=attention_masks(self._network, columns, end, begins),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits
        return logits[:, -1]


class _States:
    """RWKV: what a row has read is of one size, however long, so rows of any length step together."""

    def __init__(self, network: Any, check: Callable[[], None]) -> None:
        self._network, self._check = network, check
        self._state: list[Tensor] = []

    def read(self, prompts: Prompts, group: int) -> Tensor:
        read = []
        for prompt in prompts:
            self._check()
            ids = torch.tensor([[*prompt]], device=self._network.device)
            read.append(self._network(ids, use_cache=True, logits_to_keep=1))
        states = zip(*(output.state for output in read), strict=True)
        self._state = [torch.cat(parts).repeat_interleave(group, 0) for parts in states]
        return torch.cat([output.logits[:, -1] for output in read]).repeat_interleave(group, 0)

    def step(self, tokens: Tensor) -> Tensor:
        before, rest = self._state[:2], self._state[2:]
        state = [*map(_OneTokenBefore, before), *rest]
        logits: Tensor = self._network(tokens[:, None], state=state, use_cache=True).logits
        return logits[:, -1]

    def leave(self, holes: Tensor, last: Tensor, left: int) -> None:
        for part in self._state:
            part[holes] = part[last]
        self._state = [part[:left] for part in self._state]


class _OneTokenBefore:
    """What each row's last token left to the next, shaped [rows, 1, values] as the network's rows are:
    transformers takes [rows, values] there, which is right for one row only and mixes several up."""

    def __init__(self, values: Tensor) -> None:
        self._values = values

    def __getitem__(self, place: Any) -> Tensor:
        return self._values[place][:, None]

    def __setitem__(self, place: Any, values: Tensor) -> None:
        self._values[place] = values


class _RowByRow:
    """Any other family: a prompt is read once all the same, and what it left behind copied to its group."""

    def __init__(
        self, stepper: Stepper, device: torch.device, longest_answer: int, check: Callable[[], None]
    ) -> None:
        self._stepper, self._device, self._check = stepper, device, check
        self._longest_answer = longest_answer

    def read(self, prompts: Prompts, group: int) -> Tensor:
        logits = []
        for prompt in prompts:
            limit = len(prompt) + self._longest_answer
            row = self._stepper.open(limit)
            for start in range(0, len(prompt), self._stepper.chunk):
                self._check()
                after = self._stepper.read(row, [*prompt[start : start + self._stepper.chunk]])
            logits += [after] * group
            self._stepper.start(row)
            for _ in range(group - 1):
                other = self._stepper.open(limit)
                other.length, other.state = row.length, copy.deepcopy(row.state)
                self._stepper.start(other)
        return torch.stack(logits)

    def step(self, tokens: Tensor) -> Tensor:
        return self._stepper.step(tokens.tolist())

    def leave(self, holes: Tensor, last: Tensor, left: int) -> None:
        running = self._stepper.running
        for hole, moved in zip(holes.tolist(), last.tolist(), strict=True):
            running[hole] = running[moved]
        del running[left:]
