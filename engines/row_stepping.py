"""Row by row, each with a state of its own, prepared for every step as transformers' `generate` prepares it.

Knows: what a network of any family carries from token to token, and what it keeps between two calls.
Refuses to know: which networks are stepped so (families.py), sampling, text, and whose question a row is.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import GenerationConfig
from transformers.cache_utils import Cache
from transformers.generation.utils import GenerationMode

from engines.row_products import step_products
from engines.stepping import DecodeRow, Limits, bytes_per_token
from engines.steps.step import StepName

_CACHES = ("past_key_values", "cache_params", "state")


@dataclass
class _Carried:
    """What one row hands from step to step."""

    ids: torch.Tensor
    inputs: dict[str, Any] = field(default_factory=dict)
    """Caches and whatever else the network returned to be given again."""


class RowStepper:
    """For networks that mix rows up, or whose answers would depend on how long the other rows are."""

    def __init__(self, model: Any, device: torch.device, chunk: int) -> None:
        self.running: list[DecodeRow] = []
        self.suspect: DecodeRow | None = None
        self.chunk = chunk
        self._model, self._device = model, device
        self._takes = set(inspect.signature(model.forward).parameters)
        self._stretching = stretching_ropes(model)
        self._bytes_per_token = bytes_per_token(model)

    @property
    def name(self) -> StepName:
        return "eager"

    def open(self, limit: int, next_limits: Limits = ()) -> DecodeRow:
        return DecodeRow(limit=limit)

    def read(self, row: DecodeRow, ids: list[int]) -> torch.Tensor:
        carried = row.state or self._fresh(row.limit)
        whole = torch.cat([carried.ids, torch.tensor([ids], device=self._device)], dim=1)
        inputs = self._prepared(whole, None if row.state is None else len(ids), carried.inputs)
        for rope in self._stretching:
            forget_length(rope)
        output = self._model(**inputs, return_dict=True)
        kept = self._model._update_model_kwargs_for_generation(output, carried.inputs)
        row.state = _Carried(whole, kept)
        row.length = whole.shape[1]
        return output.logits[0, -1]

    def start(self, row: DecodeRow) -> None:
        self.running.append(row)

    def step(self, tokens: list[int]) -> torch.Tensor:
        for row, token in zip(self.running, tokens, strict=True):
            if row.ahead is None:
                self.suspect = row
                with step_products(1, self._model.dtype, self._device):
                    row.ahead = self.read(row, [token])
        self.suspect = None
        logits = torch.stack([row.ahead for row in self.running if row.ahead is not None])
        for row in self.running:
            row.ahead = None
        return logits

    def wipe(self, row: DecodeRow) -> None:
        row.state = None

    def close(self, row: DecodeRow) -> None:
        row.state = None
        if row in self.running:
            self.running.remove(row)

    def trim(self) -> None:
        """A row's state goes with the row."""

    def cache_bytes(self) -> int:
        return sum(_nbytes(row.state.inputs) for row in self.running if row.state is not None)

    def kept_bytes(self) -> int:
        return 0

    def bytes_to_open(self, limit: int, next_limits: Limits = ()) -> int:
        """A row's state is made when it is read: nothing is reserved for the next ones."""
        return self.cache_bytes() + limit * self._bytes_per_token

    def _fresh(self, limit: int) -> _Carried:
        inputs: dict[str, Any] = {"use_cache": True}
        if "logits_to_keep" in self._takes:
            inputs["logits_to_keep"] = 1
        self._model._prepare_cache_for_generation(
            GenerationConfig(), inputs, GenerationMode.GREEDY_SEARCH, 1, limit
        )
        return _Carried(torch.empty(1, 0, dtype=torch.long, device=self._device), inputs)

    def _prepared(self, whole: torch.Tensor, new: int | None, carried: dict[str, Any]) -> dict[str, Any]:
        """What the forward pass is given; `new` is None where it reads everything from the first token on."""
        if "attention_mask" in self._takes:
            carried["attention_mask"] = torch.ones_like(whole)
        if "position_ids" in self._takes:
            carried["position_ids"] = torch.arange(whole.shape[1], device=self._device)[None]
        prepared: dict[str, Any] = self._model.prepare_inputs_for_generation(
            whole, next_sequence_length=new, is_first_iteration=new is None, **carried
        )
        if new is not None and _is_dropped(carried, prepared):
            # A rope has come to its longer factors: what was kept with the shorter ones is read anew.
            del carried["past_key_values"]
            return self._prepared(whole, None, carried)
        return prepared


def _is_dropped(carried: dict[str, Any], prepared: dict[str, Any]) -> bool:
    """Whether the family gave up what it had kept; one of them hands it on under another name."""
    kept = carried.get("past_key_values") is not None
    return kept and not any(prepared.get(name) is not None for name in ("past_key_values", "mems"))


def stretching_ropes(model: Any) -> list[Any]:
    return [module for module in model.modules() if hasattr(module, "max_seq_len_cached")]


def forget_length(rope: Any) -> None:
    """A rope that stretches with the longest text so far would go on from another question's length."""
    for name in [name for name in vars(rope) if name.endswith("max_seq_len_cached")]:
        kind = name.removesuffix("max_seq_len_cached")
        original = getattr(rope, f"{kind}original_inv_freq", None)
        if original is not None and getattr(rope, name) != rope.original_max_seq_len:
            device = getattr(rope, f"{kind}inv_freq").device
            rope.register_buffer(f"{kind}inv_freq", original.to(device), persistent=False)
            setattr(rope, name, rope.original_max_seq_len)


def _nbytes(state: Any) -> int:
    """The bytes of the tensors in a state of any family, shared ones once."""
    tensors: dict[int, int] = {}
    waiting = [state[name] for name in _CACHES if name in state]
    seen = set[int]()
    while waiting:
        part = waiting.pop()
        if isinstance(part, torch.Tensor):
            tensors[part.data_ptr()] = part.nbytes
        elif id(part) not in seen:
            seen.add(id(part))
            waiting.extend(_parts(part))
    return sum(tensors.values())


def _parts(state: Any) -> list[Any]:
    if isinstance(state, dict):
        return list(state.values())
    if isinstance(state, list | tuple):
        return list(state)
    return list(vars(state).values()) if isinstance(state, Cache) or hasattr(state, "__dict__") else []
