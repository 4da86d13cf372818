"""Learning by rewards on a card: what one update of GRPO and one of PPO take of time and memory.

Rewards are drawn by chance: what a reward costs is not asked, and nothing sensible is learned.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import torch

from benchmarks.gpu.bench import SMALL, Bench, Fact, Finding, faults, wait_for
from benchmarks.networks import Shape
from engines.devices import network_bytes, pick_device
from engines.shortage import clear_device_cache
from finetune.examples import PromptOnly
from finetune.rl.records import SampledAnswer
from finetune.rl.rollout import Sampler
from finetune.rl.updates import Policy, Updater, lesson_of
from finetune.rl.value_head import ValueHead
from finetune.rl_settings import GrpoSettings, PpoSettings, RlSettings
from finetune.stopping import StopWish
from finetune.training.learner import Learner, load_base, set_learning
from prompts.conversation import Conversation

_GROUP = 8
_PROMPTS_ON_CARD, _PROMPTS = 8, 2
_NO_END = -1
"""No token ends an answer, so that all are as long as they may be."""


@dataclass(frozen=True)
class _Updated:
    """What one update took, the first one (which prepares kernels and memory) not counted."""

    sampling: float
    learning: float
    tokens: int
    """Of all answers."""
    peak: int
    moved: bool


def update_by_rewards(bench: Bench) -> Finding:
    """One update of 64 answers in groups of 8: tokens a second, the share of sampling, the most memory."""
    facts: list[Fact] = []
    wrong: tuple[str, ...] = ()
    for settings in (GrpoSettings(batch=64, group=_GROUP), PpoSettings(batch=64)):
        with torch.inference_mode(False), torch.enable_grad():
            found = _update(bench, replace(settings, learning_rate=1e-4, micro_batch=8, passes=1))
        name, seconds = f"{SMALL}, {settings.kind}", found.sampling + found.learning
        facts += [
            Fact(f"{name}, answer tokens sampled", found.tokens / found.sampling, "tokens/s"),
            Fact(f"{name}, answer tokens in all", found.tokens / seconds, "tokens/s"),
            Fact(f"{name}, share of sampling", found.sampling / seconds),
            Fact(f"{name}, the most memory", found.peak, "bytes"),
        ]
        wrong += faults((found.moved, f"{name}: no weight has moved."))
    return Finding(tuple(facts), wrong)


def _update(bench: Bench, settings: RlSettings) -> _Updated:
    scale, device = bench.scale, pick_device(bench.scale.device)
    learner, policy, updater = _ready(bench, settings)
    sampler = Sampler(learner.network, {_NO_END}, max_new_tokens=scale.answer_tokens)
    prompts = _prompts(scale.small, scale.prompt_tokens, _PROMPTS_ON_CARD if scale.is_card else _PROMPTS)
    before = [value.detach().clone() for value in policy.learning()]
    generator = torch.Generator().manual_seed(1)
    for _ in range(2):
        if scale.is_card:
            torch.cuda.reset_peak_memory_stats(device)
        started = time.perf_counter()
        rollouts = sampler.sample(prompts, _GROUP, generator)
        wait_for(device)
        sampled = time.perf_counter()
        nothing = PromptOnly(Conversation.ask("?"), "random")
        answers = [SampledAnswer(nothing, each.prompt_ids, each.answer_ids, "", True) for each in rollouts]
        draw = Random(2)
        experience = updater.experience(answers, [draw.random() for _ in answers])
        updater.learn(experience, lesson_of(settings, experience, settings.kl), 1.0)
        wait_for(device)
        learned = time.perf_counter()
    peak = torch.cuda.max_memory_allocated(device) if scale.is_card else network_bytes(learner.network)
    moved = any(not torch.equal(old, new) for old, new in zip(before, policy.learning(), strict=True))
    tokens = sum(len(each.answer_ids) for each in rollouts)
    del learner, policy, updater, sampler
    clear_device_cache(device)
    return _Updated(sampled - started, learned - sampled, tokens, peak, moved)


def _ready(bench: Bench, settings: RlSettings) -> tuple[Learner, Policy, Updater]:
    device = pick_device(bench.scale.device)
    loaded, compute = load_base(bench.spec(SMALL), settings, device, StopWish())
    learner = set_learning(loaded, compute, settings, ("query_key_value",))
    head = ValueHead(bench.scale.small.hidden).to(device) if isinstance(settings, PpoSettings) else None
    policy = Policy(learner.network, None, head)
    return learner, policy, Updater(policy, settings)


def _prompts(shape: Shape, tokens: int, count: int) -> list[list[int]]:
    draw: Any = Random(3)
    return [[draw.randrange(3, shape.vocabulary) for _ in range(tokens)] for _ in range(count)]
