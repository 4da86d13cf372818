"""One update of learning by rewards: of answers with their rewards, the better ones are made likelier.

    policy: the adapter that learns, live in sampling and learning alike    reference: what it began with

The network is in eval mode throughout: what samples and what learns must give the same probabilities. GRPO,
RLOO and PPO differ in `lesson_of` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from transformers import GradientCheckpointingLayer

from finetune.rl.advantages import equal_answers, generalized_advantages, group_advantages, whitened
from finetune.rl.log_probs import all_figures, answer_figures, micro_batches
from finetune.rl.losses import k1, k3, policy_loss, value_loss
from finetune.rl.records import SampledAnswer
from finetune.rl.value_head import ValueHead, explained_variance
from finetune.rl_settings import GrpoSettings, PpoSettings, RlooSettings, RlSettings
from finetune.training.adapters import speaking_with

NOTHING = 1e-7
"""An advantage below this is rounding."""
_MOST_MOVED = 0.1
"""From this KL to the policy that sampled on, the answers no longer tell what this policy does."""
_ADAM_EPS = 1e-5


class Policy(Module):
    """What learns, as one module: the adapter in its network, and PPO's value head."""

    def __init__(self, network: Any, reference: str | None, head: ValueHead | None) -> None:
        """`reference`: the adapter that it is held against; None: the base alone."""
        super().__init__()
        self.network, self.reference, self.head = network, reference, head
        self.eval()

    def learning(self) -> list[Tensor]:
        return [value for value in self.network.parameters() if value.requires_grad]


@dataclass(frozen=True, eq=False)
class Experience:
    """Answers as the policy sampled them; tensors have a row an answer and a column a token of it."""

    answers: Sequence[SampledAnswer]
    rewards: Tensor
    """One an answer; none is NaN where `kept`."""
    kept: Tensor
    """Whose reward could be told; the others teach nothing."""
    mask: Tensor
    log_probs: Tensor
    reference: Tensor
    entropy: Tensor
    values: Tensor | None
    """What the value head foresaw, where there is one."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """What is to be learned of an experience."""

    advantages: Tensor
    returns: Tensor | None
    learned: Tensor
    """The tokens that are learned."""
    largest: float
    """The largest advantage, before it was brought to any scale."""
    equal: Tensor | None = None
    """The answers of groups without a difference to learn from."""

    @property
    def empty(self) -> bool:
        return self.largest < NOTHING or not bool(self.learned.any())


def lesson_of(settings: RlSettings, experience: Experience, kl: float) -> Lesson:
    """`kl`: what a token costs that moved away from the reference. It is taken off the reward, where its
    gradient is that of the KL; off that of a whole answer, where answers are compared."""
    cost = kl * k1(experience.log_probs, experience.reference).where(experience.mask, 0.0)
    rewards = experience.rewards
    learned = experience.mask & experience.kept[:, None]
    if isinstance(settings, PpoSettings):
        assert experience.values is not None
        # At the last real token: the end token, or where the answer was cut.
        last = experience.mask.sum(1, keepdim=True) - 1
        foreseen = generalized_advantages(
            (-cost).scatter_add(1, last, rewards[:, None]),
            experience.values,
            learned,
            settings.gamma,
            settings.gae_lambda,
        )
        largest = float(foreseen.advantages.abs().amax())
        return Lesson(whitened(foreseen.advantages, learned), foreseen.returns, learned, largest)
    equal = equal_answers(rewards, experience.kept, settings.group)
    compared = group_advantages(
        rewards - cost.sum(1),
        experience.kept & ~equal,
        settings.group,
        scaled=isinstance(settings, GrpoSettings) and settings.scale_groups,
        leave_one_out=isinstance(settings, RlooSettings),
    )
    learned = learned & ~equal[:, None]
    every_token = compared[:, None].expand_as(learned)
    return Lesson(every_token, None, learned, float(compared.abs().amax()), equal)


@contextmanager
def _layers_computed_twice(network: Module, wanted: bool) -> Iterator[None]:
    """Gradient checkpointing, which libraries do for layers in training mode alone: the layers themselves are
    set to it but nothing in them, so that everything computes as it does when sampling."""
    layers = [each for each in network.modules() if wanted and isinstance(each, GradientCheckpointingLayer)]
    for layer in layers:
        layer.training = True
    try:
        yield
    finally:
        for layer in layers:
            layer.training = False


class Updater:
    """Learns from one experience after another."""

    def __init__(
        self, policy: Policy, settings: RlSettings, check: Callable[[], None] = lambda: None
    ) -> None:
        """`settings`: with everything decided; `check`: called between micro batches, may raise."""
        assert settings.learning_rate is not None
        self.policy, self._settings, self._check = policy, settings, check
        groups: list[dict[str, Any]] = [{"params": policy.learning(), "lr": settings.learning_rate}]
        if policy.head is not None and isinstance(settings, PpoSettings):
            rate = settings.value_learning_rate or 5 * settings.learning_rate
            groups.append({"params": [*policy.head.parameters()], "lr": rate})
        self._rates = [group["lr"] for group in groups]
        self.optimizer = torch.optim.AdamW(
            groups, betas=settings.adam_betas, eps=_ADAM_EPS, weight_decay=settings.weight_decay
        )

    def experience(self, answers: Sequence[SampledAnswer], rewards: Sequence[float]) -> Experience:
        """Log-probabilities are computed as learning computes them: those of cached sampling differ."""
        policy, settings = self.policy, self._settings
        given = (policy.network, answers, settings.temperature, settings.micro_batch)
        mine = all_figures(*given, entropy=True, hidden=policy.head is not None, check=self._check)
        with speaking_with(policy.network, policy.reference):
            theirs = all_figures(*given, check=self._check)
        assert mine.entropy is not None
        told = torch.tensor(rewards, device=mine.mask.device)
        with torch.no_grad():
            values = policy.head(mine.hidden) if policy.head is not None else None
        return Experience(
            answers, told, ~told.isnan(), mine.mask, mine.log_probs, theirs.log_probs, mine.entropy, values
        )

    def learn(self, experience: Experience, lesson: Lesson, rate: float) -> dict[str, float]:
        """Figures of what was done. `rate`: the share of the learning rates that counts now."""
        for group, whole in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = whole * rate
        passes: list[Mapping[str, float]] = []
        for _ in range(0 if lesson.empty else self._settings.passes):
            made = self._backward(experience, lesson)
            if made["approx_kl"] > _MOST_MOVED:
                break
            passes.append({**made, "grad_norm": self._step()})
        return {name: sum(made[name] for made in passes) / len(passes) for name in (passes or [{}])[0]}

    def _backward(self, experience: Experience, lesson: Lesson) -> dict[str, float]:
        """Gradients of one pass over all tokens that are learned."""
        self.optimizer.zero_grad(set_to_none=True)
        rows = lesson.learned.any(1).nonzero()[:, 0].tolist()
        tokens = int(lesson.learned.sum())
        sums = torch.zeros(4, device=lesson.learned.device)
        for batch in micro_batches([experience.answers[row] for row in rows], self._settings.micro_batch):
            self._check()
            sums += self._backward_of([rows[place] for place in batch], experience, lesson) / tokens
        names = ("policy_loss", "value_loss", "clip_share", "approx_kl")
        told = dict(zip(names, sums.tolist(), strict=True))
        # A curve of zeros would look like a value head that learns nothing.
        return {name: told[name] for name in names if name != "value_loss" or self.policy.head is not None}

    def _backward_of(self, rows: list[int], experience: Experience, lesson: Lesson) -> Tensor:
        """Of one micro batch: the two losses, the clipped tokens and how far they moved, all summed."""
        settings, policy, tokens = self._settings, self.policy, int(lesson.learned.sum())
        answers = [experience.answers[row] for row in rows]
        with _layers_computed_twice(policy.network, settings.gradient_checkpointing):
            now = answer_figures(
                policy.network, answers, settings.temperature, hidden=policy.head is not None
            )
            width = now.mask.shape[1]
            sampled, advantages = experience.log_probs[rows, :width], lesson.advantages[rows, :width]
            found = policy_loss(now.log_probs, sampled, advantages, now.mask, settings.clip)
            foreseen = torch.zeros_like(found.loss)
            if isinstance(settings, PpoSettings):
                assert policy.head and experience.values is not None and lesson.returns is not None
                before, returns = experience.values[rows, :width], lesson.returns[rows, :width]
                values = policy.head(now.hidden)
                foreseen = value_loss(values, before, returns, now.mask, settings.value_clip)
            ((found.loss + foreseen) / tokens).backward()
        return torch.stack([found.loss.detach(), foreseen.detach(), found.clipped.float(), found.moved])

    def _step(self) -> float:
        """The norm of the policy's gradients, before they were cut, or the value head's if unsound."""
        most = self._settings.max_grad_norm or float("inf")
        norms = [
            torch.nn.utils.clip_grad_norm_(group["params"], most) for group in self.optimizer.param_groups
        ]
        unsound = next((norm for norm in norms if not norm.isfinite()), None)
        if unsound is None:
            self.optimizer.step()
        return float(norms[0] if unsound is None else unsound)


def figures_of(experience: Experience, lesson: Lesson) -> dict[str, float]:
    """What an experience tells before anything is learned of it."""
    mask = experience.mask & experience.kept[:, None]
    rewards, kept = experience.rewards[experience.kept], experience.kept
    lengths = experience.mask.sum(1)[kept].float()
    moved = k3(experience.log_probs, experience.reference).where(mask, 0.0).sum(1)[kept]
    figures = {
        "reward": float(rewards.mean()),
        "reward_se": standard_error(rewards),
        "kl": float(moved.mean()),
        "entropy": float(experience.entropy[mask].mean()),
        "length": float(lengths.mean()),
        "ended": sum(answer.ended for answer in experience.answers) / len(experience.answers),
    }
    if lesson.equal is not None:
        figures["equal_groups"] = float(lesson.equal.float().mean())
    if experience.values is not None and lesson.returns is not None:
        explained = explained_variance(experience.values, lesson.returns, lesson.learned)
        figures |= {} if explained is None else {"explained_variance": explained}
    return figures


def standard_error(values: Tensor) -> float:
    """Of the mean."""
    return float(values.std() / len(values) ** 0.5) if len(values) > 1 else 0.0
