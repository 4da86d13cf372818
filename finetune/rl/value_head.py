"""PPO's value head, apart from the network it reads: what reward is foreseen at each token of an answer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_LEAST_VARIANCE = 1e-12


class ValueHead(nn.Module):
    """Float32, and zero to begin with. What it learns does not reach the network: that one is the policy."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        # So that a step of Adam moves a value about as far in a wide network as in a narrow one.
        self._scale = hidden_size**-0.5
        self.weight = nn.Parameter(torch.zeros(hidden_size))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, hidden: Tensor) -> Tensor:
        """One value for each of the last hidden states."""
        return hidden.detach().float() @ self.weight * self._scale + self.bias


def explained_variance(values: Tensor, returns: Tensor, mask: Tensor) -> float | None:
    """1: all was foreseen; 0: no better than a constant; None: there was nothing to foresee."""
    foreseen, came = values[mask], returns[mask]
    if len(came) < 2 or float(came.var()) < _LEAST_VARIANCE:
        return None
    return float(1 - (came - foreseen).var() / came.var())
