"""A stepper that plays a network: logits follow from a row's tokens, and it is off or fails as told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch

from engines.stepping import DecodeRow, Limits, Stepper
from engines.steps.step import StepName

CARD = torch.device("meta")
"""Stands for a device that is no processor; nothing is computed on it."""
VOCABULARY = 97


def network(**config: Any) -> Any:
    """What a choice asks of a model."""
    values = {"hidden_size": 64, **config}
    return SimpleNamespace(
        config=SimpleNamespace(model_type="scripted", to_dict=lambda: values),
        dtype=torch.bfloat16,
        get_input_embeddings=lambda: SimpleNamespace(weight=torch.empty(VOCABULARY, 1)),
    )


@dataclass
class ScriptedStepper:
    """`off`: by which share of their spread its logits are wrong."""

    name: StepName = "eager"
    off: float = 0.0
    failed: str | None = None
    running: list[DecodeRow] = field(default_factory=list)
    chunk: int = 512
    suspect: DecodeRow | None = None
    steps: int = 0
    kept: int = 0

    def kept_bytes(self) -> int:
        return self.kept

    def open(self, limit: int, next_limits: Limits = ()) -> DecodeRow:
        return DecodeRow(limit=limit, state=[])

    def read(self, row: DecodeRow, ids: list[int]) -> torch.Tensor:
        row.state += ids
        row.length += len(ids)
        assert row.length <= row.limit
        made = torch.Generator().manual_seed(hash(tuple(row.state)))
        logits = torch.randn(VOCABULARY, generator=made)
        return logits + self.off * torch.randn(VOCABULARY, generator=made)

    def start(self, row: DecodeRow) -> None:
        self.running.append(row)

    def step(self, tokens: list[int]) -> torch.Tensor:
        self.steps += 1
        return torch.stack([self.read(row, [token]) for row, token in zip(self.running, tokens, strict=True)])

    def close(self, row: DecodeRow) -> None:
        self.running = [each for each in self.running if each is not row]


Played = ScriptedStepper | Exception


class ScriptedCard:
    """What is built under each name, or why it cannot be; what was built is counted."""

    def __init__(self, **played: Callable[[], Played]) -> None:
        self._played = {name.replace("_", "-"): make for name, make in played.items()}
        self.built: list[str] = []
        self.steps: dict[str, int] = {}

    def __call__(self, model: Any, device: torch.device, name: StepName) -> Stepper:
        self.built.append(name)
        made = self._played.get(name, ScriptedStepper)()
        if isinstance(made, Exception):
            raise made
        made.name = name if made.failed is None else "eager"
        return made  # type: ignore[return-value]
