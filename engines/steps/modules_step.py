"""A step through transformers' modules; only their attention is ours, which reads the tables.

So no mask is built or read, and nothing in the step depends on a number of the host. Families whose attention
asks for more than what `_attend` takes are refused by it, and stay out of families.STATIC.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AttentionInterface

from engines.steps.ops import Heads, StepOps
from engines.steps.step import StepName
from engines.steps.tables import StepTables

_OURS = "narani"
_WITHOUT_MEANING = {
    "dropout",
    "position_ids",
    "use_cache",
    "is_causal",
    "output_attentions",
    "output_router_logits",
}
"""What modules hand to any attention and that changes nothing for one new token a row."""


@dataclass(frozen=True, eq=False)
class _Call:
    """One step, as each layer's attention needs it."""

    ops: StepOps
    tables: StepTables
    keys: int


class ModulesStep:
    """The network's own forward pass, with the adapter that is switched on."""

    name: StepName = "eager"

    def __init__(self, model: Any, ops: StepOps) -> None:
        self._model, self._ops = model, ops
        self.by_address = ops.by_address
        self._configs = [model.config, model.config.get_text_config(decoder=True)]

    def __call__(self, tables: StepTables, rows: int, keys: int) -> torch.Tensor:
        assert tables.cache is not None, "the tables point at a cache before a step"
        tables.cache.window = None
        with _attending(self._configs):
            output = self._model(
                input_ids=tables.tokens[:rows, None],
                position_ids=tables.lengths[:rows, None],
                past_key_values=tables.cache,
                use_cache=True,
                logits_to_keep=1,
                step_call=_Call(self._ops, tables, keys),
            )
        logits: torch.Tensor = output.logits
        return logits[:, -1]


@contextmanager
def _attending(configs: list[Any]) -> Iterator[None]:
    """Prompts are read by the attention that the network was loaded with."""
    before = [config._attn_implementation for config in configs]
    try:
        for config in configs:
            config._attn_implementation = _OURS
        yield
    finally:
        for config, name in zip(configs, before, strict=True):
            config._attn_implementation = name


def _attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    step_call: _Call | None = None,
    **others: object,
) -> tuple[torch.Tensor, None]:
    """query [rows, heads, 1, size], key and value with the groups' heads, all of them turned already."""
    meant = {name for name, value in others.items() if value is not None}
    asked = sorted(meant - _WITHOUT_MEANING)
    if step_call is None or attention_mask is not None or asked:
        raise TypeError(f"this attention takes no mask and nothing beyond a window: {asked}")
    rows, queries, _, size = query.shape
    scaling = size**-0.5 if scaling is None else scaling
    heads = Heads(queries, key.shape[1], size, scaling, window=sliding_window)
    mixed = torch.cat((query, key, value), dim=1).view(rows, -1)
    attended = step_call.ops.attend(mixed, heads, module.layer_idx, step_call.tables, step_call.keys)
    return attended.view(rows, 1, queries, size), None


AttentionInterface.register(_OURS, _attend)
