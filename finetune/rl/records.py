"""What passes between sampling, rewarding and learning, apart from all three: one sampled answer."""

from __future__ import annotations

from dataclasses import dataclass

from finetune.examples import PromptOnly


@dataclass(frozen=True)
class SampledAnswer:
    """One answer as the model sampled it."""

    prompt: PromptOnly
    prompt_ids: tuple[int, ...]
    answer_ids: tuple[int, ...]
    """With the end token, where it ended."""
    text: str
    """As a person sees it: without the format's lead, the end token and what follows a stop string."""
    ended: bool
    """The model ended it by itself; otherwise it was cut at the longest length."""
