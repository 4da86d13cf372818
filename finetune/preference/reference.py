"""How likely the reference finds the answers that are learned: computed once, before the first step.

The reference is what learning begins with: the adapter of an earlier tuning, or the base alone. Its figures
are kept in the run's folder, so that a run that goes on has the very same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from finetune.preference.losses import ComparedAnswer, summed
from finetune.rl.log_probs import all_figures
from finetune.training.adapters import REFERENCE, speaking_with
from finetune.training.course import Course
from finetune.training.measuring import resting

_FILE, _NAME, _ROWS = "reference.safetensors", "log_probs", "rows"


@contextmanager
def as_reference(network: Any) -> Iterator[None]:
    """Inside, the network answers as it did before it learned."""
    with speaking_with(network, REFERENCE if REFERENCE in network.peft_config else None):
        yield


def log_probs_of(
    network: Any, rows: Sequence[ComparedAnswer], micro: int, check: Callable[[], None] = lambda: None
) -> Tensor:
    """The two sums of each answer (losses.summed) as the network speaks now; on the processor."""
    with resting(network):
        return summed(all_figures(network, rows, 1.0, micro, check=check).log_probs, rows).cpu()


def reference_log_probs(course: Course[Any], network: Any, rows: Sequence[ComparedAnswer]) -> Tensor:
    """Of the reference, [answers, 2], in every process; each computes its share of them."""
    group = course.group
    kept = group.first_only(lambda: _kept(course, rows))
    if kept is not None:
        return kept
    mine, micro = rows[group.rank :: group.size], course.settings.micro_batch
    with as_reference(network):
        parts = group.from_all(group.each(lambda: log_probs_of(network, mine, micro, course.wish.check)))
    found = torch.empty(len(rows), 2)
    for rank, part in enumerate(parts):
        found[rank :: group.size] = part
    group.first_only(lambda: _keep(course, rows, found))
    return found


def _kept(course: Course[Any], rows: Sequence[ComparedAnswer]) -> Tensor | None:
    try:
        with safe_open(course.run.path / _FILE, framework="pt") as file:
            if (file.metadata() or {}).get(_ROWS) == _hash(rows):
                return file.get_tensor(_NAME)
    except (OSError, SafetensorError):
        pass
    return None


def _keep(course: Course[Any], rows: Sequence[ComparedAnswer], found: Tensor) -> None:
    new = course.run.path / f"tmp-{_FILE}"
    save_file({_NAME: found}, new, metadata={"format": "pt", _ROWS: _hash(rows)})
    new.replace(course.run.path / _FILE)


def _hash(rows: Sequence[ComparedAnswer]) -> str:
    made = hashlib.sha256()
    for row in rows:
        made.update(repr(row).encode())
    return made.hexdigest()
