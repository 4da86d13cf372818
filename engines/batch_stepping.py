"""All running rows of a model in one forward pass, each with its own positions, over a cache of slots.

Knows: positions, masks and slots of attention that looks back, over all tokens or the nearest.
Refuses to know: which networks may be stepped so (families.py), sampling, text, and whose question a row is.
"""

from __future__ import annotations

from typing import Any

import torch

from engines.row_products import step_products
from engines.slot_cache import SlotCache, Window
from engines.stepping import CHUNK, DecodeRow, Limits, bytes_per_token
from engines.steps.step import StepName

_GRAIN = 256
_FINE_GRAIN = 64
"""Of short rows on a processor: half a cache that no row fills costs it a tenth of a step of 64 rows. On a
card a cache that moves takes its captured steps with it."""


class SlotStepper:
    """What is the same however rows are stepped: their prompts are read alone, each into a slot."""

    def __init__(self, model: Any, device: torch.device) -> None:
        self.running: list[DecodeRow] = []
        self.suspect: DecodeRow | None = None
        self.chunk = CHUNK
        self._reading: list[DecodeRow] = []
        self._model, self._device = model, device
        self._cache = SlotCache(model.config.get_text_config(decoder=True).num_hidden_layers)
        self._bytes_per_token = bytes_per_token(model)

    @property
    def name(self) -> StepName:
        return "eager"

    def read(self, row: DecodeRow, ids: list[int]) -> torch.Tensor:
        end = row.length + len(ids)
        positions = torch.arange(row.length, end, device=self._device)[None]
        self._cache.window = Window(row.slot, 1, positions, row.length, end)
        logits = self._forward([ids], positions, end)
        row.length = end
        return logits[0]

    def start(self, row: DecodeRow) -> None:
        self._reading.remove(row)
        self.running.append(row)
        # Measured now: some families keep fewer or more layers or heads than their config lets one reckon.
        self._bytes_per_token = self._cache.nbytes // (self._cache.slots * self._cache.length)

    def wipe(self, row: DecodeRow) -> None:
        self._cache.wipe(row.slot)

    def cache_bytes(self) -> int:
        return self._cache.nbytes

    def kept_bytes(self) -> int:
        return 0

    def bytes_to_open(self, limit: int, next_limits: Limits = ()) -> int:
        slots = max(self._cache.slots, self._free_slots(1 + len(next_limits))[-1] + 1)
        length = max(self._cache.length, grained(max([limit, *next_limits]), self._device))
        return slots * length * self._bytes_per_token

    def open(self, limit: int, next_limits: Limits = ()) -> DecodeRow:
        slots = self._free_slots(1 + len(next_limits))
        row = DecodeRow(limit=limit, slot=slots[0])
        self._cache.reserve(slots[-1] + 1, grained(max([limit, *next_limits]), self._device))
        self._reading.append(row)
        return row

    def _free_slots(self, count: int) -> list[int]:
        """The first that no row holds."""
        used = {row.slot for row in self._held()}
        return [slot for slot in range(len(used) + count) if slot not in used][:count]

    def _held(self) -> list[DecodeRow]:
        return [*self.running, *self._reading]

    def _shift(self, row: DecodeRow, slot: int) -> None:
        if row.slot != slot:
            self._cache.move(row.slot, slot, row.length)
            row.slot = slot

    def _forward(self, ids: list[list[int]], positions: torch.Tensor, read_to: int) -> torch.Tensor:
        output = self._model(
            input_ids=torch.tensor(ids, device=self._device),
            position_ids=positions,
            attention_mask=attention_masks(self._model, positions, read_to),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1]


class BatchStepper(SlotStepper):
    """All rows in one batch; each row keeps its own positions, so no row is ever padded."""

    def step(self, tokens: list[int]) -> torch.Tensor:
        lengths = [row.length for row in self.running]
        read_to = max(lengths) + 1
        positions = torch.tensor(lengths, device=self._device)[:, None]
        uniform = lengths[0] if min(lengths) == max(lengths) else None
        self._cache.window = Window(0, len(lengths), positions, uniform, read_to)
        with step_products(len(tokens), self._model.dtype, self._device):
            logits = self._step_logits(tokens, positions, read_to)
        for row in self.running:
            row.length += 1
        return logits

    def close(self, row: DecodeRow) -> None:
        """Rows stand in the first slots without a gap: the last running one moves into the hole, those being
        read behind it."""
        if row in self._reading:
            self._reading.remove(row)
        else:
            last = self.running[-1]
            self.running[row.slot] = last
            self.running.pop()
            self._shift(last, row.slot)
        for place, reading in enumerate(self._reading, start=len(self.running)):
            self._shift(reading, place)
        if not self._held():
            self._cache.drop()

    def trim(self) -> None:
        if rows := self._held():
            self._cache.trim(len(rows), grained(max(row.limit for row in rows), self._device))

    def _step_logits(self, tokens: list[int], positions: torch.Tensor, read_to: int) -> torch.Tensor:
        return self._forward([[token] for token in tokens], positions, read_to)


def attention_masks(
    model: Any, columns: torch.Tensor, read_to: int, begins: torch.Tensor | None = None
) -> Any:
    """What new tokens [rows, tokens] in these columns of the cache see of its first `read_to`, as this
    network wants to be told. `begins` [rows]: the first column that a row has filled, where not all begin at
    0; what stands before it sees itself, since a softmax over nothing is no number."""
    config = model.config.get_text_config(decoder=True)
    keys, own = torch.arange(read_to, device=columns.device)[None, None, :], columns[:, :, None]
    seen = keys <= own
    if begins is not None:
        seen &= (keys >= begins[:, None, None]) | (keys == own)
    window = getattr(config, "sliding_window", None)
    near = seen & (keys > own - window) if window else seen
    kinds = getattr(config, "layer_types", None)
    if kinds is None:
        return _as_wanted(near, config, model.dtype)
    full = _as_wanted(seen, config, model.dtype)
    if "sliding_attention" not in kinds:
        return full
    return {"full_attention": full, "sliding_attention": _as_wanted(near, config, model.dtype)}


def _as_wanted(allowed: torch.Tensor, config: Any, dtype: torch.dtype) -> torch.Tensor:
    if config._attn_implementation == "sdpa":
        return allowed[:, None]
    shut = torch.full((), torch.finfo(dtype).min, dtype=dtype, device=allowed.device)
    return torch.where(allowed[:, None], torch.zeros((), dtype=dtype, device=allowed.device), shut)


def grained(limit: int, device: torch.device) -> int:
    """Rounded up, so that a batch of questions of about one length never has to move its cache."""
    grain = _FINE_GRAIN if limit <= _GRAIN and device.type == "cpu" else _GRAIN
    return -(-limit // grain) * grain
