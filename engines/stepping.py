"""What the decode loop asks of a network, however it is stepped: rows that open, are read, step and close.

How a forward pass is made stands in batch_stepping.py and row_stepping.py, and which of the two a network
gets in families.py. Sampling, text, stop rules, and whose question a row is, are not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from engines.steps.step import StepName

CHUNK = 512

Limits = Sequence[int]
"""The most tokens that each of several rows can come to hold."""


@dataclass(eq=False)
class DecodeRow:
    """One running question in the batch."""

    limit: int
    """The most tokens it can come to hold, prompt included."""
    slot: int = 0
    length: int = 0
    state: Any = None
    ahead: torch.Tensor | None = None
    """Logits of a step that broke off on a later row; they are not computed twice."""


class Stepper(Protocol):
    """What the decode loop needs of a model."""

    running: list[DecodeRow]
    """The rows that `step` advances, in the order of its logits."""
    chunk: int
    """The most tokens of a prompt that one `read` takes: the same always, so that an answer does not depend
    on what else runs."""
    suspect: DecodeRow | None
    """The row to give up when a step runs out of memory; None: the newest."""

    @property
    def name(self) -> StepName:
        """How `step` is computed at this moment."""

    def open(self, limit: int, next_limits: Limits = ()) -> DecodeRow:
        """A place for one more row, which is read before it runs. Room for the next ones is made at once."""

    def read(self, row: DecodeRow, ids: list[int]) -> torch.Tensor:
        """One chunk of the row's prompt; the logits [vocabulary] after its last token."""

    def start(self, row: DecodeRow) -> None:
        """The prompt is read: the row takes part in every further step."""

    def step(self, tokens: list[int]) -> torch.Tensor:
        """One token for every running row; logits [rows, vocabulary]."""

    def wipe(self, row: DecodeRow) -> None:
        """Leave no figure of the row behind, before it is closed: they are no numbers."""

    def close(self, row: DecodeRow) -> None:
        """Give the row's place back, wherever it stands."""

    def trim(self) -> None:
        """Give back what no row needs any more, as far as memory allows; after a shortage."""

    def cache_bytes(self) -> int:
        """What the running rows hold, measured."""

    def kept_bytes(self) -> int:
        """What stays when no row runs: tables and captured graphs."""

    def bytes_to_open(self, limit: int, next_limits: Limits = ()) -> int:
        """What the cache would come to hold in all with one more row of `limit` tokens, and the next ones."""


def bytes_per_token(model: Any) -> int:
    """What one token of context takes in the cache, by the network's own shape."""
    config = model.config.get_text_config(decoder=True)
    layers = getattr(config, "num_hidden_layers", 0)
    apart = getattr(config, "per_layer_config", None)
    values = sum(_values_a_token(config if apart is None else apart[layer]) for layer in range(layers))
    return int(values * model.dtype.itemsize)


def _values_a_token(layer: Any) -> int:
    """Keys and values of one layer; 0 where it has no attention."""
    heads = getattr(layer, "num_key_value_heads", None) or getattr(layer, "num_attention_heads", 0)
    if not heads:
        return 0
    if getattr(layer, "kv_lora_rank", None):
        return int(heads * (layer.qk_nope_head_dim + layer.qk_rope_head_dim + layer.v_head_dim))
    size = getattr(layer, "head_dim", None) or layer.hidden_size // layer.num_attention_heads
    return int(2 * heads * size)
