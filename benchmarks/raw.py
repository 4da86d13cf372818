"""The yardstick of the engine: transformers' own `model.generate`, with the same weights and prompt.

Knows: how it is called plainly, greedy, with nothing streamed and no text made.
Refuses to know: the engine it is compared with.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from benchmarks.networks import korean_tokenizer
from errors import AS_WRITTEN, NaraniError


def raw_generate(folder: Path, prompt: str, tokens: int) -> Callable[[], None]:
    """A call that answers the prompt with exactly so many tokens."""
    network = AutoModelForCausalLM.from_pretrained(folder).eval()
    ids = torch.tensor([korean_tokenizer().encode(prompt, add_special_tokens=False)])
    mask = torch.ones_like(ids)

    def generate() -> None:
        made = network.generate(ids, attention_mask=mask, max_new_tokens=tokens, do_sample=False)
        if made.shape[1] != ids.shape[1] + tokens:
            raise NaraniError(
                AS_WRITTEN,
                sentence="The random network ended its answer early; the two sides cannot be compared.",
            )

    return generate
