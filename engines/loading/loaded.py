"""What loading takes and gives: the plain types that pool, engine and training are written against."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch

from model_registry.spec import ModelSpec

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


class LoadWatch(Protocol):
    """Is told how far a load is, and may end it."""

    def report(self, stage: str, fraction: float | None, note: str = "") -> None:
        """`stage` is "download", "weights" or "adapter"; raising errors.Stopped cancels the load.

        Called from the threads that read and download, never by two of them at once.
        """


@dataclass(eq=False)
class LoadedModel:
    """A base model on its device, ready to be stepped."""

    spec: ModelSpec
    quantization: str
    device: torch.device
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    eos_token_ids: frozenset[int]
    notes: tuple[str, ...]
    """Decisions made for the user, one plain sentence each."""
    revision: str | None = None
    """The commit that was really loaded, where the source is the hub."""
    adapters: dict[str, AttachedAdapter] = field(default_factory=dict)
    adapter_layers: list[Any] = field(default_factory=list, repr=False)
    """The LoRA layers of all attached adapters, collected when one is attached or taken out."""
    adapter_in_use: str | None = None


@dataclass(frozen=True)
class AttachedAdapter:
    """One PEFT adapter over a loaded base; `name` is what AdapterSwitch.use takes."""

    spec: ModelSpec
    name: str
    notes: tuple[str, ...] = ()
    revision: str | None = None
    head: ScoreHead | None = None
    """What a reward model scores with; None of one that answers."""


@dataclass(eq=False)
class ScoreHead:
    """The weights by which a reward model makes one number of the last hidden state of a text."""

    weight: torch.Tensor
    """[hidden], in float32."""
    in_use: bool = False
    """Whether the network now runs with the adapter that it belongs to."""
    _hidden: torch.Tensor | None = None

    def after_backbone(self, _module: Any, _inputs: Any, output: Any) -> None:
        """A hook on the network below its head of words: keeps the hidden state of the last token it read."""
        if self.in_use:
            self._hidden = output[0][0, -1].float()

    def score(self) -> float:
        """Of the text that was read last."""
        assert self._hidden is not None, "a score is asked for after a text was read"
        return float(self._hidden @ self.weight)


@dataclass(frozen=True)
class Estimate:
    """What a model will take, known before anything of it is loaded."""

    weight_bytes: int
    cache_bytes_per_token: int
    state_bytes: int
    """What each running question takes, whatever its length (recurrent models)."""
