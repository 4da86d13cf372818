"""rollout: answers sampled to be learned from, over transformers' `generate` on the same prompts.

64 answers in groups of 8 to questions of uneven lengths, from a network with LoRA layers, which end by chance
after some 25 tokens and at the latest after 96; `generate` is given each prompt eight times, padded on the
left. Tokens that count are those up to an answer's end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from time import process_time
from typing import Any

import torch

from benchmarks.learning import NEOX, adapted
from benchmarks.rounds import Effort, Measured, Stopwatch, paired
from finetune.rl.rollout import Sampler
from finetune.sft_settings import SftSettings

GROUP, QUESTIONS, LONGEST = 8, 8, 96
ENDS = tuple(range(3, NEOX.vocabulary, 25))
"""As many ids that one in 25 tokens is an end, where all are about equally probable."""
PAD = 0


def measure(effort: Effort) -> Measured:
    """Tokens a second of processor time of ours, over those of `generate`."""
    network = adapted(NEOX, SftSettings()).network.eval()
    prompts = some_prompts(max(2, min(QUESTIONS, effort.tokens // 4)))
    longest = min(LONGEST, effort.tokens)
    seeds = iter(range(10**6))

    def ours() -> float:
        generator = torch.Generator().manual_seed(next(seeds))
        sampler = Sampler(network, ENDS, max_new_tokens=longest)
        return _seconds_a_token(
            lambda: sum(len(one.answer_ids) for one in sampler.sample(prompts, GROUP, generator))
        )

    def theirs() -> float:
        torch.manual_seed(next(seeds))
        return _seconds_a_token(lambda: _generated(network, prompts, longest))

    mine, generate = Stopwatch(ours), Stopwatch(theirs)
    values = tuple(1 / ratio for ratio in paired(mine, generate, effort.rounds))
    told = f"{1 / mine.median:.0f} tokens/s against {1 / generate.median:.0f}"
    return Measured(values, notes=(f"{len(prompts) * GROUP} answers; {told}",))


def some_prompts(count: int) -> list[list[int]]:
    """As long as short questions in the koalpaca format."""
    draw = Random(4)
    return [[draw.randrange(3, NEOX.vocabulary) for _ in range(draw.randrange(16, 48))] for _ in range(count)]


def _seconds_a_token(sampled: Callable[[], int]) -> float:
    started = process_time()
    tokens = sampled()
    return (process_time() - started) / tokens


def _generated(network: Any, prompts: Sequence[Sequence[int]], longest: int) -> int:
    width = max(map(len, prompts))
    rows = [[PAD] * (width - len(prompt)) + [*prompt] for prompt in prompts for _ in range(GROUP)]
    mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts for _ in range(GROUP)]
    output = network.generate(
        input_ids=torch.tensor(rows),
        attention_mask=torch.tensor(mask),
        do_sample=True,
        top_k=0,
        max_new_tokens=longest,
        eos_token_id=[*ENDS],
        pad_token_id=PAD,
    )
    ended = torch.isin(output[:, width:], torch.tensor(ENDS)).long()
    return int((ended.cumsum(1) - ended == 0).sum())
