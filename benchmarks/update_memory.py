"""update-memory: the most memory of an update of PPO, over that of a LoRA step over the same answers.

The update samples 64 answers, asks the policy and the reference for their log-probabilities, and learns them;
the step learns the same prompts and answers as SFT does, in the same micro batches and through the same LoRA
layers. Both count all tensors that are alive, on any device, with the weights and the optimizer's state.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import Any

import torch

from benchmarks.learning import MICRO_BATCH, NEOX, adapted, batches_of, optimizer_of
from benchmarks.peak_of_tensors import PeakOfTensors
from benchmarks.ppo_update import SETTINGS, updater_of
from benchmarks.rollout import ENDS, GROUP, LONGEST, QUESTIONS, some_prompts
from benchmarks.rounds import Effort, Measured
from finetune.examples import PromptOnly, TokenRow
from finetune.rl.log_probs import micro_batches
from finetune.rl.records import SampledAnswer
from finetune.rl.rollout import Sampler
from finetune.rl.updates import lesson_of
from finetune.sft_settings import SftSettings
from finetune.tokens.blocks import Block
from prompts.conversation import Conversation

_TIMES = 2
"""From the second on, the optimizer has its state."""


def measure(effort: Effort) -> Measured:
    """One figure: nothing in it is left to the machine."""
    network = adapted(NEOX, SftSettings(lora_dropout=0.0)).network.eval()
    with torch.inference_mode(False), torch.enable_grad():
        updates = _Updates(network, effort)
        update = _peak(network, updates)
        step = _peak(network, lambda peak: _sft_step(network, updates.answers))
    told = f"{len(updates.answers)} answers: {update / 1e6:.1f} MB against {step / 1e6:.1f} MB"
    return Measured((update / step,), updates.broken, (told,))


def _peak(network: Any, calculate: Callable[[PeakOfTensors], None]) -> int:
    gc.collect()
    with PeakOfTensors(network) as peak:
        calculate(peak)
    return peak.peak


class _Updates:
    """Samples and learns; remembers the last answers."""

    def __init__(self, network: Any, effort: Effort) -> None:
        self._network, self._updater = network, updater_of(network)
        self._prompts = some_prompts(max(2, min(QUESTIONS, effort.tokens // 4)))
        self._longest = min(LONGEST, effort.tokens)
        self.answers: list[SampledAnswer] = []
        self.broken: tuple[str, ...] = ()

    def __call__(self, peak: PeakOfTensors) -> None:
        generator, before = torch.Generator().manual_seed(0), peak.now
        for _ in range(_TIMES):
            self.answers = self._sampled(generator)
            if peak.now > 1.1 * before:
                self.broken = ("What sampling took does not come back before learning begins.",)
            experience = self._updater.experience(
                self.answers, [float(place % 3) for place in range(len(self.answers))]
            )
            self._updater.learn(experience, lesson_of(SETTINGS, experience, SETTINGS.kl), 1.0)

    def _sampled(self, generator: torch.Generator) -> list[SampledAnswer]:
        asked = PromptOnly(Conversation.ask("?"), "row")
        sampler = Sampler(self._network, ENDS, max_new_tokens=self._longest)
        return [
            SampledAnswer(asked, rollout.prompt_ids, rollout.answer_ids, "", rollout.ended)
            for rollout in sampler.sample(self._prompts, GROUP, generator)
        ]


def _sft_step(network: Any, answers: Sequence[SampledAnswer]) -> None:
    optimizer = optimizer_of(network)
    rows = [
        TokenRow(
            (*answer.prompt_ids, *answer.answer_ids),
            (False,) * len(answer.prompt_ids) + (True,) * len(answer.answer_ids),
            "row",
        )
        for answer in answers
    ]
    for _ in range(_TIMES):
        for places in micro_batches(answers, MICRO_BATCH):
            (batch,) = batches_of([Block((rows[place],)) for place in places])
            network(**batch, use_cache=False).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
