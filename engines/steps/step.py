"""What every way of computing a step offers, apart from the ways themselves, which stand beside this file.

Nothing between its call and its logits is read on the host, so that it can be captured in a CUDA graph.
"""

from __future__ import annotations

from typing import Literal, Protocol

import torch

from engines.steps.tables import StepTables

StepName = Literal["eager", "graph", "fused", "fused-graph"]
"""eager: transformers' modules, launched one by one. fused: own kernels. graph: captured and replayed."""


class DecodeStep(Protocol):
    """One token for each row of the tables."""

    by_address: bool
    """As its StepOps: whether it stays valid, once captured, when the cache moves or grows."""

    @property
    def name(self) -> StepName:
        """Which way it is computed at this moment."""

    def __call__(self, tables: StepTables, rows: int, keys: int) -> torch.Tensor:
        """Logits [rows, vocabulary] after the tokens of the first `rows` rows. Each row's key and value are
        written at its length; `keys` is the length class: no row holds more than that, the new token
        included. The tables stay as they are."""
