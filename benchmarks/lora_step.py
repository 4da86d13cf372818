"""lora-step: a step of a LoRA tuning, over one forward pass of the same network.

Knows: that frozen weights need no gradient of their own, so that a step is little more than two passes. Where
something is computed again, or the base learns in secret, it takes three.
Refuses to know: how LoRA layers are made.
"""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.learning import adapted, batches_of, full_batches, optimizer_of
from benchmarks.networks import Shape
from benchmarks.rounds import Effort, Measured, Stopwatch, paired, processor_timed
from finetune.sft_settings import SftSettings

_SHAPE = Shape("gpt_neox", hidden=512, layers=4, heads=8, intermediate=2048)
_TOKENS = 256
_SETTINGS = SftSettings(batch=1, micro_batch=1, max_tokens=_TOKENS)


def measure(effort: Effort) -> Measured:
    """Processor time of forward, backward and the optimizer, over that of an answer's forward."""
    network = adapted(_SHAPE, _SETTINGS).network
    (batch,) = batches_of(full_batches(_SETTINGS, steps=1).blocks)
    optimizer, times = optimizer_of(network), max(1, effort.tokens // 32)

    def forward() -> None:
        network.eval()
        with torch.inference_mode(False), torch.no_grad():
            for _ in range(times):
                network(**batch, use_cache=False)

    def step() -> None:
        network.train()
        with torch.inference_mode(False), torch.enable_grad():
            for _ in range(times):
                network(**batch, use_cache=False).loss.backward()
                optimizer.step()
                optimizer.zero_grad()

    steps, forwards = Stopwatch(processor_timed(step)), Stopwatch(processor_timed(forward))
    values = paired(steps, forwards, effort.rounds)
    told = f"{_TOKENS} tokens: {steps.median / times:.3f} s a step, {forwards.median / times:.3f} s a forward"
    return Measured(values, _secrets(network), (told,))


def _secrets(network: Any) -> tuple[str, ...]:
    learned = [name for name, value in network.named_parameters() if value.requires_grad]
    return tuple(f"{name} learns too." for name in learned if "lora_" not in name)
