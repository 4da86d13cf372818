"""The few operations that a fused step is made of, and the weights and shapes they take.

Each has a reference in torch (torch_ops.py) and a kernel in Triton (triton_ops.py). Both round to the
model's type where transformers' modules do: after a norm, a linear with its bias, an activation, each sum.
Sums inside run in float32, in an order that does not depend on how many rows there are: a row's bits are the
same alone and in company. Weights stay in the modules; nothing here copies them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor

from engines.steps.tables import StepTables

Activation = Literal["gelu", "gelu-tanh", "silu"]


@dataclass(frozen=True, eq=False)
class Norm:
    """A layer norm, or, without a bias, an RMS norm (which rounds before it multiplies by its weight)."""

    weight: Tensor
    bias: Tensor | None
    eps: float


@dataclass(frozen=True, eq=False)
class Linear:
    """y = x Wᵀ + b."""

    weight: Tensor
    """[out, in]."""
    bias: Tensor | None = None
    scale: Tensor | None = None
    """Of int8 weights: by what the row of each output is multiplied, before its bias is added."""


@dataclass(frozen=True, eq=False)
class Normed:
    """One linear of an input that may be normed first and activated after."""

    linear: Linear
    norm: Norm | None = None
    activation: Activation | None = None


@dataclass(frozen=True, eq=False)
class Rotary:
    """The turning of the first `size` places of queries and keys by their position."""

    frequencies: Tensor
    """[size / 2], float32."""
    size: int
    scaling: float = 1.0


@dataclass(frozen=True, eq=False)
class Heads:
    """How one layer attends."""

    queries: int
    """Heads of queries; each `queries // groups` of them share a key."""
    groups: int
    size: int
    scaling: float
    packed: bool = False
    """Query, key and value of each head lie beside each other (GPT-NeoX), not all queries first."""
    rotary: Rotary | None = None
    query_norm: Norm | None = None
    key_norm: Norm | None = None
    """RMS norms of each head, before it is turned."""
    window: int | None = None
    """A token sees itself and the `window - 1` tokens before it."""


class StepOps(Protocol):
    """x is [rows, hidden] throughout, in the model's type."""

    by_address: bool
    """Whether the cache is found by the tables' addresses alone: then a captured step stays valid when the
    cache moves or grows."""

    def normed(self, x: Tensor, parts: Sequence[Normed]) -> Tensor:
        """All parts of the same x, their outputs beside each other: [rows, sum of out]."""

    def gated(self, x: Tensor, norm: Norm | None, gate: Linear, up: Linear, activation: Activation) -> Tensor:
        """activation(gate(norm(x))) * up(norm(x)): [rows, out]."""

    def attend(self, mixed: Tensor, heads: Heads, layer: int, tables: StepTables, keys: int) -> Tensor:
        """Attention of each row's new token over its own keys, which `mixed` [rows, (queries + 2 groups) x
        size] brings one more of: norm and turn queries and keys, write key and value at the row's length,
        and attend: [rows, queries x size]."""

    def added(self, parts: Sequence[tuple[Tensor, Linear]], residual: Tensor | None) -> Tensor:
        """The linear of each part, added in this order, the residual last."""

    def add_normed(self, x: Tensor, y: Tensor, norm: Norm) -> Tensor:
        """x + norm(y), for networks that norm what a block puts out."""
