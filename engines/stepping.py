"""One forward pass at a time over the running rows of one model.

Knows: two ways to step: all rows as one batch over a slot cache (attention), and row by row (RWKV and others
whose state cannot be batched). Both read a prompt in chunks of fixed size, so that an answer does not
depend on what else runs. A captured CUDA-graph step will be a third way behind the same few methods.
Refuses to know: sampling, text, stop rules, and whose question a row is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from transformers.cache_utils import DynamicCache

from engines.slot_cache import SlotCache, Window

CHUNK = 512
_SLOT_GRAIN = 256


@dataclass(eq=False)
class Row:
    """One running question's place in the batch."""

    limit: int
    """The most tokens it can come to hold, prompt included."""
    slot: int = 0
    length: int = 0
    state: Any = None
    ahead: torch.Tensor | None = None
    """Logits of a step that broke off on a later row; they are not computed twice."""


class Stepper(Protocol):
    """What the decode loop needs of a model."""

    running: list[Row]
    """The rows that `step` advances, in the order of its logits."""
    suspect: Row | None
    """The row to give up when a step runs out of memory; None: the newest."""

    def open(self, limit: int) -> Row:
        """A place for one more row; it is read before it runs. One row is read at a time."""

    def read(self, row: Row, ids: list[int]) -> torch.Tensor:
        """One chunk of the row's prompt; the logits [vocabulary] after its last token."""

    def start(self, row: Row) -> None:
        """The prompt is read: the row takes part in every further step."""

    def step(self, tokens: list[int]) -> torch.Tensor:
        """One token for every running row; logits [rows, vocabulary]."""

    def wipe(self, row: Row) -> None:
        """Leave no figure of the row behind, before it is closed: they are no numbers."""

    def close(self, row: Row) -> None:
        """Give the row's place back, wherever it stands."""

    def cache_bytes(self) -> int:
        """What the running rows hold, measured."""

    def bytes_to_open(self, limit: int) -> int:
        """What the cache would come to hold in all with one more row of `limit` tokens."""


def stepper_for(model: torch.nn.Module, device: torch.device) -> Stepper:
    """The fastest way to step that this network allows."""
    config: Any = model.config
    if config.model_type != "rwkv" and _plain_attention(config):
        return BatchStepper(model, device)
    return RowStepper(model, device)


def _plain_attention(config: Any) -> bool:
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    known = kinds <= {"full_attention", "sliding_attention"} and hasattr(config, "num_attention_heads")
    return known and not getattr(config, "num_kv_shared_layers", 0)


def bytes_per_token(model: Any) -> int:
    """What one token of context takes in the cache, by the network's own shape."""
    config = model.config
    heads = getattr(config, "num_key_value_heads", None) or getattr(config, "num_attention_heads", 0)
    if not heads:
        return 0
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(2 * config.num_hidden_layers * heads * size * model.dtype.itemsize)


class BatchStepper:
    """All rows of a model in one batch; each row keeps its own positions, so no row is ever padded."""

    def __init__(self, model: Any, device: torch.device) -> None:
        self.running: list[Row] = []
        self.suspect: Row | None = None
        self._reading: Row | None = None
        self._model, self._device, self._config = model, device, model.config
        self._cache = SlotCache(model.config.num_hidden_layers)
        self._bytes_per_token = bytes_per_token(model)

    def open(self, limit: int) -> Row:
        assert self._reading is None, "one prompt is read at a time"
        row = Row(limit=limit, slot=len(self.running))
        self._cache.reserve(row.slot + 1, _grained(limit))
        self._reading = row
        return row

    def read(self, row: Row, ids: list[int]) -> torch.Tensor:
        end = row.length + len(ids)
        positions = torch.arange(row.length, end, device=self._device)[None]
        self._cache.window = Window(row.slot, 1, positions, row.length, end)
        logits = self._forward([ids], positions, end)
        row.length = end
        return logits[0]

    def start(self, row: Row) -> None:
        self._reading = None
        self.running.append(row)

    def step(self, tokens: list[int]) -> torch.Tensor:
        lengths = [row.length for row in self.running]
        read_to = max(lengths) + 1
        positions = torch.tensor(lengths, device=self._device)[:, None]
        uniform = lengths[0] if min(lengths) == max(lengths) else None
        self._cache.window = Window(0, len(lengths), positions, uniform, read_to)
        logits = self._forward([[token] for token in tokens], positions, read_to)
        for row in self.running:
            row.length += 1
        return logits

    def wipe(self, row: Row) -> None:
        self._cache.wipe(row.slot)

    def close(self, row: Row) -> None:
        """Rows stand in the first slots without a gap: the last running one moves into the hole, the one
        being read behind it."""
        if row is self._reading:
            self._reading = None
        else:
            last = self.running[-1]
            self.running[row.slot] = last
            self.running.pop()
            self._shift(last, row.slot)
            if self._reading is not None:
                self._shift(self._reading, len(self.running))
        if not self.running and self._reading is None:
            self._cache.drop()

    def cache_bytes(self) -> int:
        return self._cache.nbytes

    def bytes_to_open(self, limit: int) -> int:
        slots = max(self._cache.slots, len(self.running) + 1)
        return slots * max(self._cache.length, _grained(limit)) * self._bytes_per_token

    def _shift(self, row: Row, slot: int) -> None:
        if row.slot != slot:
            self._cache.move(row.slot, slot, row.length)
            row.slot = slot

    def _forward(self, ids: list[list[int]], positions: torch.Tensor, read_to: int) -> torch.Tensor:
        output = self._model(
            input_ids=torch.tensor(ids, device=self._device),
            position_ids=positions,
            attention_mask=self._masks(positions, read_to),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1]

    def _masks(self, positions: torch.Tensor, read_to: int) -> Any:
        keys = torch.arange(read_to, device=self._device)
        seen = keys[None, None, :] <= positions[:, :, None]
        window = getattr(self._config, "sliding_window", None)
        near = seen & (keys[None, None, :] > positions[:, :, None] - window) if window else seen
        kinds = getattr(self._config, "layer_types", None)
        if kinds is None:
            return self._as_wanted(near)
        masks = {"full_attention": self._as_wanted(seen), "sliding_attention": self._as_wanted(near)}
        return masks if "sliding_attention" in kinds else masks["full_attention"]

    def _as_wanted(self, allowed: torch.Tensor) -> torch.Tensor:
        if self._config._attn_implementation == "sdpa":
            return allowed[:, None]
        dtype = self._model.dtype
        shut = torch.full((), torch.finfo(dtype).min, dtype=dtype, device=allowed.device)
        return torch.where(allowed[:, None], torch.zeros((), dtype=dtype, device=allowed.device), shut)


class RowStepper:
    """Row by row, each with a state of its own: RWKV's state mixes rows up when it is batched."""

    def __init__(self, model: Any, device: torch.device) -> None:
        self.running: list[Row] = []
        self.suspect: Row | None = None
        self._model, self._device = model, device
        self._keyword = "state" if model.config.model_type == "rwkv" else "past_key_values"
        self._bytes_per_token = bytes_per_token(model)

    def open(self, limit: int) -> Row:
        state = None if self._keyword == "state" else DynamicCache(config=self._model.config)
        return Row(limit=limit, state=state)

    def read(self, row: Row, ids: list[int]) -> torch.Tensor:
        output = self._model(
            input_ids=torch.tensor([ids], device=self._device),
            use_cache=True,
            logits_to_keep=1,
            **{self._keyword: row.state},
        )
        row.state = output[self._keyword]
        row.length += len(ids)
        return output.logits[0, -1]

    def start(self, row: Row) -> None:
        self.running.append(row)

    def step(self, tokens: list[int]) -> torch.Tensor:
        for row, token in zip(self.running, tokens, strict=True):
            if row.ahead is None:
                self.suspect = row
                row.ahead = self.read(row, [token])
        self.suspect = None
        logits = torch.stack([row.ahead for row in self.running if row.ahead is not None])
        for row in self.running:
            row.ahead = None
        return logits

    def wipe(self, row: Row) -> None:
        row.state = None

    def close(self, row: Row) -> None:
        row.state = None
        if row in self.running:
            self.running.remove(row)

    def cache_bytes(self) -> int:
        return sum(_nbytes(row.state) for row in self.running)

    def bytes_to_open(self, limit: int) -> int:
        return self.cache_bytes() + limit * self._bytes_per_token


def _grained(limit: int) -> int:
    """Rounded up, so that a batch of questions of about one length never has to move its cache."""
    return -(-limit // _SLOT_GRAIN) * _SLOT_GRAIN


def _nbytes(state: Any) -> int:
    if isinstance(state, torch.Tensor):
        return state.nbytes
    if isinstance(state, list | tuple):
        return sum(_nbytes(part) for part in state)
    layers = getattr(state, "layers", ())
    return sum(_nbytes([layer.keys, layer.values]) for layer in layers if layer.keys is not None)
