"""Whether a network keeps packed rows apart, found out on the loaded network before it learns.

Knows: the ways in which a row can be laid out here, and what must not change between them.
Refuses to know: which families keep rows apart. Attention by position does; convolutions, states and places
counted from a block's beginning do not, and it changes from release to release.

Of a row behind another one in a block, with the batches of a training:

- the other row is changed: not one logit may change. All shapes and all chance stay the same, so the smallest
  leak shows in any number type, also while learning with dropout;
- the other row is hidden by a mask instead: the row stands at the same place, so this is nearly as exact. It
  tells of places counted from the block's beginning, where the network keeps to the mask;
- the row is alone: equal but for rounding, which differs by place.

Kernels that round otherwise because of what lies beside (outliers of 8 bits, experts sharing a product)
are allowed four times what they do to rows in lines of their own, which cannot see each other.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, cycle, islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from errors import NaraniError
from errors.note import Note
from finetune.examples import TokenRow
from finetune.sft_settings import Batching, SftSettings
from finetune.tokens.blocks import Block
from finetune.tokens.dataset import Collator
from finetune.training.learner import Learner

_LEAK, _MOST = 1e-5, 0.05
"""How far a change of the other row may move the logits of a place, as a share of their length. They do not
move at all where rows are kept apart, elsewhere by 1e-4 (short convolutions, fresh weights) or far more."""
_ELSEWHERE, _ELSEWHERE_IN_16_BITS = 1e-3, 0.05
"""How far the logits at four of five places may move when a row stands elsewhere. 16 bits move them by 0.01,
and single ones far, where other experts are chosen."""
_FIRST, _COMPARED = 64, 256
"""Places of a row that are compared: the first ones, where most leaks show, and some of all."""

_RECURRENT = Note("packing-recurrent")
SEES = Note("packing-sees")
MOVED = Note("packing-moved")
CANNOT = Note("packing-cannot")


def batching_of(
    learner: Learner,
    rows: Sequence[TokenRow],
    settings: SftSettings,
    begun: Mapping[str, Any],
    check: Callable[[], None],
) -> tuple[Batching, str | None]:
    """How rows are put together, and why they are not packed where that was asked for. `begun`: the manifest
    of a run that goes on, which keeps to what was decided when it began."""
    if settings.batching != "packed":
        return settings.batching, None
    if "batching" in begun:
        return begun["batching"], begun.get("unpacked")
    if learner.recurrent:
        return "by-length", _RECURRENT
    shortest = sorted(len(row.ids) for row in rows)[:2]
    if len(shortest) < 2 or sum(shortest) > settings.max_tokens:
        # No two of them share a block.
        return "packed", None
    fault = why_not_packed(
        learner.network,
        rows,
        min(settings.max_tokens, sum(len(row.ids) for row in rows)),
        lines=settings.micro_batch,
        compute=learner.compute,
        pad_id=learner.pad_id,
        check=check,
    )
    return ("by-length", fault) if fault else ("packed", None)


def why_not_packed(
    network: Any,
    rows: Sequence[TokenRow],
    length: int,
    *,
    lines: int,
    compute: torch.dtype,
    pad_id: int,
    check: Callable[[], None] = lambda: None,
) -> str | None:
    """None: rows may share blocks of `length` tokens, `lines` of them in a batch. Chance stays as it was."""
    with _as_before(network):
        try:
            ids = list(islice(cycle(chain.from_iterable(row.ids for row in rows)), length))
            shortest = min(len(row.ids) for row in rows)
            # The first row is shorter, so that nothing counted in halves begins at the second.
            front, before_short = length * 2 // 5, length - max(2, min(shortest, length // 2))
            long, short = (
                _Probe(network, *_rows_of(ids, size), compute, pad_id, check)
                for size in (front, before_short)
            )
            allowed = long.allowed()
            if long.sees(lines, allowed):
                return SEES
            # A short row goes another way where a network leaves out masks that it holds unneeded.
            return MOVED if any(one.is_moved(lines, allowed) for one in (long, short)) else None
        except (NaraniError, torch.OutOfMemoryError):
            raise
        except Exception:  # noqa: BLE001 - networks refuse in every way there is
            return CANNOT


@dataclass(frozen=True, eq=False)
class _Probe:
    network: Any
    before: TokenRow
    """The row in front."""
    other: TokenRow
    """As long, with another token at every place."""
    row: TokenRow
    compute: torch.dtype
    pad_id: int
    check: Callable[[], None]

    def allowed(self) -> float:
        """How far rounding by neighbors may move a row."""
        return min(_MOST, max(_LEAK, 4 * self._moved_by_the_other(self._in_lines)))

    def sees(self, lines: int, allowed: float) -> bool:
        """While learning, for dropout and kernels that are used then alone."""
        self.network.train()
        return any(self._moved_by_the_other(layout) > allowed for layout in self._layouts(lines))

    def is_moved(self, lines: int, allowed: float) -> bool:
        self.network.eval()
        elsewhere = max(allowed, _ELSEWHERE if self.compute == torch.float32 else _ELSEWHERE_IN_16_BITS)
        alone, hidden = self._logits([Block((self.row,))]), self._behind_a_mask()
        keeps_to_masks = _mostly(hidden, alone) <= elsewhere
        for found in (layout(self.before) for layout in self._layouts(lines)):
            if _mostly(found, alone) > elsewhere:
                return True
            if keeps_to_masks and _farthest(found, hidden) > max(allowed, elsewhere / 5):
                return True
        return False

    def _layouts(self, lines: int) -> tuple[Callable[[TokenRow], Tensor], ...]:
        return (self._in_block, self._in_blocks)[:lines]

    def _moved_by_the_other(self, layout: Callable[[TokenRow], Tensor]) -> float:
        return _farthest(layout(self.before), layout(self.other))

    def _in_block(self, before: TokenRow) -> Tensor:
        return self._logits([Block((before, self.row))], start=len(before.ids))

    def _in_blocks(self, before: TokenRow) -> Tensor:
        """With a shorter line beside it, which is padded."""
        return self._logits([Block((before, self.row)), Block((self.before,))], start=len(before.ids))

    def _in_lines(self, other: TokenRow) -> Tensor:
        return self._logits([Block((self.row,)), Block((other,))])

    def _behind_a_mask(self) -> Tensor:
        block = Block((self.before, self.row))
        seen = [0] * len(self.before.ids) + [1] * len(self.row.ids)
        return self._logits([block], start=len(self.before.ids), attention_mask=torch.tensor([seen]))

    @torch.no_grad()
    def _logits(self, blocks: Sequence[Block], start: int = 0, **more: Tensor) -> Tensor:
        """The logits of the row that begins at `start` of the first line; random numbers are the same each
        time."""
        self.check()
        batch = {**Collator(self.pad_id)([block.line for block in blocks]), **more}
        device = next(self.network.parameters()).device
        inputs = {name: value.to(device) for name, value in batch.items() if name != "labels"}
        torch.default_generator.manual_seed(0)
        if device.type == "cuda":
            torch.cuda.manual_seed(0)
        with torch.autocast(device.type, self.compute, enabled=_is_mixed(device, self.compute)):
            logits = self.network(**inputs, use_cache=False).logits[0]
        return logits[start + _places(len(self.row.ids)).to(device)].float()


def _is_mixed(device: torch.device, compute: torch.dtype) -> bool:
    """As a training is (training/arguments.py)."""
    return device.type == "cuda" and compute != torch.float32


def _places(length: int) -> Tensor:
    every = torch.linspace(0, length - 1, min(length, _COMPARED)).long()
    return torch.cat([torch.arange(min(length, _FIRST)), every]).unique()


def _rows_of(ids: list[int], front: int) -> tuple[TokenRow, TokenRow, TokenRow]:
    """A row of `front` tokens, one that differs from it at every place, and the row behind them."""
    known = sorted({0, 1, *ids})
    after = dict(zip(known, [*known[1:], known[0]], strict=True))
    return _row(ids[:front]), _row([after[id] for id in ids[:front]]), _row(ids[front:])


def _row(ids: Sequence[int]) -> TokenRow:
    return TokenRow(tuple(ids), (True,) * len(ids), "probe")


def _farthest(found: Tensor, wanted: Tensor) -> float:
    return float(_moves(found, wanted).max())


def _mostly(found: Tensor, wanted: Tensor) -> float:
    return float(_moves(found, wanted).quantile(0.8, interpolation="higher"))


def _moves(found: Tensor, wanted: Tensor) -> Tensor:
    """The distance at each place, without what all logits have in common; NaN counts as infinitely far."""
    length = (wanted - wanted.mean(-1, keepdim=True)).norm(dim=-1)
    return ((found - wanted).norm(dim=-1) / length).nan_to_num(torch.inf)


@contextmanager
def _as_before(network: Any) -> Iterator[None]:
    was_learning, chance, numpy_chance = network.training, random.getstate(), np.random.get_state()
    device = next(network.parameters()).device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        try:
            yield
        finally:
            network.train(was_learning)
            random.setstate(chance)
            np.random.set_state(numpy_chance)
