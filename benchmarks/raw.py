"""The yardstick of the engine: transformers' own `model.generate`, with the same weights and prompt.

Knows: how it is called plainly, greedy, with nothing streamed and no text made.
Refuses to know: the engine it is compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from benchmarks.networks import korean_tokenizer
from errors import AS_WRITTEN, NaraniError


def raw_generate(
    folder: Path, prompts: Sequence[str], tokens: int, dtype: str = "auto"
) -> Callable[[], None]:
    """A call that answers all prompts, padded on the left, with exactly so many tokens each."""
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    tokenizer = korean_tokenizer()
    read = [tokenizer.encode(prompt, add_special_tokens=False) for prompt in prompts]
    width = max(map(len, read))
    ids = torch.tensor([[tokenizer.pad_token_id] * (width - len(row)) + row for row in read])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in read])

    def generate() -> None:
        made = network.generate(ids, attention_mask=mask, max_new_tokens=tokens, do_sample=False)
        if made.shape[1] != width + tokens:
            raise NaraniError(
                AS_WRITTEN,
                sentence="The random network ended its answer early; the two sides cannot be compared.",
            )

    return generate
