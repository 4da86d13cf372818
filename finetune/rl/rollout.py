"""Answers sampled from the network that learns, its adapter live: without top-k, top-p and penalties, since
the probabilities that are learned would then not be those that were sampled with.

One seed gives the same answers bit for bit. Everything is ids; texts and rewards come later.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from errors import NaraniError
from finetune.rl.rollout_steps import Prompts, RolloutSteps, steps_for

Choose = Callable[[Tensor, Tensor, int], Tensor]
"""Tokens [rows] from logits [rows, vocabulary] of the answers with these numbers, at this step."""
_STEPS_BETWEEN_LOOKS = 8
"""On a card: to look at which answers have ended makes the processor wait for it."""


@dataclass(frozen=True)
class Rollout:
    """One answer as the network sampled it."""

    prompt_ids: tuple[int, ...]
    answer_ids: tuple[int, ...]
    """With the end token, where it ended."""
    ended: bool
    """The network ended it by itself; otherwise it was cut at the longest length."""


class Sampler:
    """Samples answers from a network; PEFT's network speaks with whichever adapter is switched on."""

    def __init__(
        self, network: Any, ends: Collection[int], *, temperature: float = 1.0, max_new_tokens: int = 128
    ) -> None:
        self._network = network
        self._bare = network.get_base_model() if hasattr(network, "get_base_model") else network
        self._ends, self._temperature, self._most = frozenset(ends), temperature, max_new_tokens

    def sample(
        self,
        prompts: Prompts,
        group: int,
        generator: torch.Generator,
        check: Callable[[], None] = lambda: None,
    ) -> list[Rollout]:
        """`group` answers to each prompt, side by side in the order of the prompts. The generator is one of
        the processor, on every device; how far it moves does not depend on when answers end."""
        chances = torch.rand(self._most, len(prompts) * group, generator=generator).to(self._bare.device)

        def drawn(logits: Tensor, answers: Tensor, step: int) -> Tensor:
            return _drawn(logits / self._temperature, chances[step, answers])

        return self._answers(prompts, group, drawn, check)

    def greedy(self, prompts: Prompts, check: Callable[[], None] = lambda: None) -> list[Rollout]:
        """One answer to each prompt, of the likeliest tokens."""
        return self._answers(prompts, 1, lambda logits, answers, step: logits.argmax(-1), check)

    def _answers(
        self, prompts: Prompts, group: int, choose: Choose, check: Callable[[], None]
    ) -> list[Rollout]:
        with _resting(self._network), torch.inference_mode():
            steps = steps_for(self._bare, self._most, check)
            answers = self._loop(steps, steps.read(prompts, group), choose, check).tolist()
        rollouts = []
        for number, ids in enumerate(answers):
            end = next((place for place, id in enumerate(ids) if id in self._ends), None)
            kept = tuple(ids if end is None else ids[: end + 1])
            rollouts.append(Rollout(tuple(prompts[number // group]), kept, end is not None))
        return rollouts

    def _loop(self, steps: RolloutSteps, logits: Tensor, choose: Choose, check: Callable[[], None]) -> Tensor:
        """Ids [answers, longest]; what follows an end means nothing."""
        running = torch.arange(len(logits), device=logits.device)
        ends = torch.tensor(sorted(self._ends), device=logits.device)
        answers = running.new_zeros(len(running), self._most)
        ended = torch.zeros_like(running, dtype=torch.bool)
        unsound = ended.new_zeros(())
        for step in range(self._most):
            check()
            logits = logits.float()
            tokens = choose(logits, running, step)
            answers[running, step] = tokens
            ended |= torch.isin(tokens, ends)
            unsound |= ~logits.amax().isfinite()
            is_last = step + 1 == self._most
            if is_last or logits.device.type == "cpu" or step % _STEPS_BETWEEN_LOOKS == 0:
                if unsound:
                    raise NaraniError("rollout-no-numbers")
                running, tokens, ended = _going_on(steps, running, tokens, ended)
            if is_last or not len(running):
                break
            logits = steps.step(tokens)
        return answers


def _going_on(
    steps: RolloutSteps, running: Tensor, tokens: Tensor, ended: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Without the rows that have ended: the last ones take their places."""
    left = len(ended) - int(ended.sum())
    if 0 < left < len(ended):
        holes = ended[:left].nonzero()[:, 0]
        last = (~ended[left:]).nonzero()[:, 0] + left
        steps.leave(holes, last, left)
        running[holes], tokens[holes] = running[last], tokens[last]
    return running[:left], tokens[:left], torch.zeros_like(ended[:left])


def _drawn(logits: Tensor, chances: Tensor) -> Tensor:
    """The first token at which the summed probabilities pass a chance from 0 to below 1. One that has none is
    never drawn; rounding must not carry a chance beyond the sum."""
    sums = logits.softmax(-1).cumsum(-1)
    whole = sums[:, -1:]
    sought = torch.minimum(chances[:, None] * whole, whole.nextafter(torch.zeros_like(whole)))
    return torch.searchsorted(sums, sought, right=True)[:, 0].clamp_(max=logits.shape[-1] - 1)


@contextmanager
def _resting(network: Any) -> Iterator[None]:
    """Without dropout while it answers."""
    trained = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(trained)
