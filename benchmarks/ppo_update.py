"""ppo-update: what an update of PPO learns, over the barest forward and backward of the same tokens.

Each side goes once over the same answers in the same micro batches. Ours also clips, learns a value head and
makes the optimizer's step; the bare side has transformers' loss over the answers. What comes before learning
(log-probabilities of the policy and of the reference, and advantages) is printed beside it, not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence

from benchmarks.learning import END_ID, MICRO_BATCH, NEOX, adapted
from benchmarks.rollout import GROUP, LONGEST, some_prompts
from benchmarks.rounds import Effort, Measured, Stopwatch, paired, processor_timed
from finetune.examples import PromptOnly
from finetune.rl.log_probs import micro_batches
from finetune.rl.records import SampledAnswer
from finetune.rl.updates import Policy, Updater, lesson_of
from finetune.rl.value_head import ValueHead
from finetune.rl_settings import PpoSettings
from finetune.sft_settings import SftSettings
from prompts.conversation import Conversation

SETTINGS = PpoSettings(learning_rate=1e-5, micro_batch=MICRO_BATCH, passes=1)


def measure(effort: Effort) -> Measured:
    """Processor time of ours, over that of the bare side."""
    network = adapted(NEOX, SftSettings()).network
    answers = some_answers(max(2, min(8, effort.tokens // 32)))
    with torch.inference_mode(False):
        updater = updater_of(network)
        rewards = [float(place % 3) for place in range(len(answers))]
        prepared = Stopwatch(processor_timed(lambda: updater.experience(answers, rewards)))
        prepared()
        experience = updater.experience(answers, rewards)
        lesson = lesson_of(SETTINGS, experience, SETTINGS.kl)
    ours = Stopwatch(processor_timed(_learning(lambda: updater.learn(experience, lesson, 1.0))))
    bare = Stopwatch(processor_timed(_learning(lambda: _bare(network, answers))))
    values = paired(ours, bare, effort.rounds)
    told = f"learning {ours.median:.2f} s against {bare.median:.2f} s; before it {prepared.median:.2f} s"
    return Measured(values, notes=(f"{len(answers)} answers; {told}",))


def updater_of(network: Any) -> Updater:
    head = ValueHead(network.config.hidden_size)
    return Updater(Policy(network, None, head), SETTINGS)


def some_answers(questions: int) -> list[SampledAnswer]:
    """Of uneven lengths, as sampling would give them."""
    draw = Random(5)
    asked = PromptOnly(Conversation.ask("?"), "row")
    answers = []
    for prompt in some_prompts(questions):
        for _ in range(GROUP):
            length = min(LONGEST, max(1, round(draw.expovariate(1 / 25))))
            ids = [*(draw.randrange(3, NEOX.vocabulary) for _ in range(length - 1)), END_ID]
            answers.append(SampledAnswer(asked, tuple(prompt), tuple(ids), "", ended=True))
    return answers


def _learning(call: Callable[[], object]) -> Callable[[], None]:
    def learn() -> None:
        with torch.inference_mode(False), torch.enable_grad():
            call()

    return learn


def _bare(network: Any, answers: Sequence[SampledAnswer]) -> None:
    for batch in micro_batches(answers, MICRO_BATCH):
        rows = [answers[place] for place in batch]
        ids = [torch.tensor([*row.prompt_ids, *row.answer_ids]) for row in rows]
        labels = [torch.tensor([-100] * len(row.prompt_ids) + [*row.answer_ids]) for row in rows]
        network(
            input_ids=pad_sequence(ids, batch_first=True),
            labels=pad_sequence(labels, batch_first=True, padding_value=-100),
            use_cache=False,
        ).loss.backward()
    network.zero_grad()
