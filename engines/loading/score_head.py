"""What makes a reward model of a base: a head that reads one score at the last token of an answer.

The head stands over the same network that answers, whose layers for words it leaves out; so any number of
reward models share one base. Pooling goes by lengths, never by what is padded with: where a network's
padding is its end token, looking for it would hide whether an answer ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from errors import LoadError
from model_registry.spec import ModelSpec

SCORE = "base_model.model.score.weight"
"""The head's name in an adapter's file, as PEFT writes it."""


def read_head(weights: Mapping[str, Tensor], network: Any, spec: ModelSpec) -> Tensor:
    """[1, hidden] in float32, on the network's device."""
    head = weights.get(SCORE)
    if head is None:
        raise LoadError("score-head-missing", model=spec.title)
    embeddings = network.get_input_embeddings().weight
    hidden = network.config.get_text_config().hidden_size
    if tuple(head.shape) != (1, hidden):
        raise LoadError("score-head-other-shape", model=spec.title, stored=list(head.shape), hidden=hidden)
    return head.to(embeddings.device, torch.float32)


def backbone_of(network: Any) -> Any:
    """The part of a causal network that makes hidden states, with whatever adapters lie in it."""
    inner = network.get_base_model() if hasattr(network, "get_base_model") else network
    return getattr(inner, inner.base_model_prefix)


def last_states(backbone: Any, ids: Tensor, mask: Tensor) -> Tensor:
    """[rows, hidden] in float32: the state at the last token of each row that `mask` counts; padding may
    stand on either side, in recurrent networks only on the right."""
    padded_left = not bool(mask[:, 0].all())
    # What stands on the right of a token is not seen by it, so nothing has to be masked there.
    more = {"attention_mask": mask, "position_ids": (mask.cumsum(1) - 1).clamp(min=0)} if padded_left else {}
    states = backbone(input_ids=ids, use_cache=False, **more).last_hidden_state
    last = mask.shape[1] - 1 - mask.flip(1).argmax(1)
    return states[torch.arange(len(states), device=states.device), last].float()


@torch.no_grad()
def scores_of(
    network: Any,
    head: Tensor,
    rows: Sequence[Sequence[int]],
    *,
    micro_batch: int = 8,
    check: Callable[[], None] = lambda: None,
) -> list[float]:
    """The score of each row of ids (prompt, answer and its end), in their order. Rows of about one length
    go through together; `check` is called before each such batch, and may raise."""
    backbone = backbone_of(network)
    order = sorted(range(len(rows)), key=lambda place: len(rows[place]))
    found = [0.0] * len(rows)
    for start in range(0, len(order), micro_batch):
        check()
        places = order[start : start + micro_batch]
        width = max(len(rows[place]) for place in places)
        ids = torch.zeros(len(places), width, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for line, place in enumerate(places):
            ids[line, : len(rows[place])] = torch.tensor(rows[place])
            mask[line, : len(rows[place])] = 1
        states = last_states(backbone, ids.to(head.device), mask.to(head.device))
        for place, score in zip(places, (states @ head[0]).tolist(), strict=True):
            found[place] = score
    return found
