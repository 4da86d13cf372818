"""How a demo model learns: steps over epochs of examples until every answer is right in the shipped weights.

Knows: the optimizer, the schedule, and the check on weights rounded to bfloat16.
Refuses to know: where examples come from, formats, and files.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from scripts.demo_models.examples import Example, batches

_BATCH_ROWS = 16
_EXTRA_EPOCHS = 5
_EXTRA_ROUNDS = 8
_SAFE_MARGIN = 1.0
"""How far (in logits) the right token must lead, so that last-bit rounding elsewhere changes nothing."""

Report = Callable[[str], None]
Epoch = Callable[[random.Random], Sequence[Example]]


@dataclass(frozen=True)
class Mastery:
    """How much of what was taught is answered, token by token, as taught."""

    exact: int
    of: int
    smallest_lead: float

    @property
    def is_safe(self) -> bool:
        return self.exact == self.of and self.smallest_lead >= _SAFE_MARGIN


def learn(
    model: PreTrainedModel,
    examples: Epoch,
    epochs: int,
    rate: float,
    rng: random.Random,
    report: Report,
    decay: bool = True,
) -> None:
    """Epochs at `rate`, after a warm-up; with `decay` it falls to near nothing along a cosine."""
    learned = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=rate, betas=(0.9, 0.98), weight_decay=0.05)
    began = time.process_time()
    model.train()
    for epoch in range(epochs):
        fall = 0.02 + 0.5 * (1 + math.cos(math.pi * epoch / epochs)) if decay else 1.0
        for group in optimizer.param_groups:
            group["lr"] = rate * fall * min(1.0, (epoch + 1) / 2)
        losses = [_step(model, optimizer, *batch) for batch in batches(examples(rng), rng, _BATCH_ROWS)]
        if epoch % 5 == 4 or epoch == epochs - 1:
            seconds = time.process_time() - began
            report(f"  epoch {epoch + 1}/{epochs}: loss {sum(losses) / len(losses):.3f}, {seconds:.0f} s")
    model.eval()


def settle(
    model: PreTrainedModel,
    examples: Epoch,
    checked: Sequence[Example],
    rate: float,
    rng: random.Random,
    report: Report,
) -> None:
    """Round the weights to what ships; where an answer is then wrong or narrow, learn on from there."""
    for _ in range(_EXTRA_ROUNDS):
        round_weights(model)
        mastery = measure_mastery(model, checked)
        report(f"  rounded: {mastery.exact} of {mastery.of} exact, smallest lead {mastery.smallest_lead:.2f}")
        if mastery.is_safe:
            return
        learn(model, examples, _EXTRA_EPOCHS, rate, rng, report)
    round_weights(model)


@torch.no_grad()
def round_weights(model: PreTrainedModel) -> None:
    """Every weight to the nearest bfloat16, still held and computed with in float32."""
    for weight in model.parameters():
        weight.copy_(weight.to(torch.bfloat16).float())


@torch.no_grad()
def measure_mastery(model: PreTrainedModel, examples: Sequence[Example]) -> Mastery:
    """An answer is exact when after each right token the next right one leads, as greedy decoding needs."""
    exact, smallest = 0, math.inf
    for example in examples:
        logits = model(input_ids=torch.tensor([example.ids]), use_cache=False).logits[0]
        logits = logits[example.learned_from - 1 : -1]
        targets = torch.tensor(example.ids[example.learned_from :]).unsqueeze(1)
        right = logits.gather(1, targets)
        others = logits.scatter(1, targets, -math.inf).amax(1, keepdim=True)
        lead = float((right - others).min())
        exact += lead > 0
        smallest = min(smallest, lead)
    return Mastery(exact, len(examples), smallest)


def _step(
    model: PreTrainedModel, optimizer: torch.optim.Optimizer, inputs: torch.Tensor, targets: torch.Tensor
) -> float:
    logits = model(input_ids=inputs, use_cache=False).logits[:, :-1]
    targets = targets[:, 1:]
    learned = targets >= 0
    loss = cross_entropy(logits[learned], targets[learned])
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()
