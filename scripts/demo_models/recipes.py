"""The five demo models: which network, format and manner of speech each is, and how long it learns.

Knows: one recipe a model.
Refuses to know: how a recipe is carried out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from transformers import PreTrainedModel

from scripts.demo_models.networks import gpt_neox, llama, rwkv
from scripts.demo_models.tokenizer import CHAT_TOKENS, POLYGLOT_TOKENS, RWKV_TOKENS


@dataclass(frozen=True)
class Recipe:
    id: str
    title: str
    format_id: str
    control_tokens: tuple[str, ...]
    network: Callable[[], PreTrainedModel]
    reading_epochs: int
    """Over loose documents, before the first example in answering."""
    tuning_epochs: int
    rate: float
    replay: float = 0.3
    """Loose documents for every example while tuning, so that learning to answer unlearns nothing."""
    turns: int = 1
    """How many turns of a conversation are learned: more than one only where the format has a form for it."""
    banmal: bool = False
    adapter_over: str | None = None

    @property
    def is_chat(self) -> bool:
        return self.format_id == "chat"


RECIPES = (
    Recipe(
        id="demo-koalpaca",
        title="a GPT-NeoX spoken to in the koalpaca format",
        format_id="koalpaca",
        control_tokens=POLYGLOT_TOKENS,
        network=gpt_neox,
        reading_epochs=15,
        tuning_epochs=45,
        rate=2e-3,
    ),
    Recipe(
        id="demo-kullm",
        title="a GPT-NeoX spoken to in the kullm format",
        format_id="kullm",
        control_tokens=POLYGLOT_TOKENS,
        network=gpt_neox,
        reading_epochs=15,
        tuning_epochs=45,
        rate=2e-3,
    ),
    Recipe(
        id="demo-chat",
        title="a Llama spoken to through its own chat template, in several turns",
        format_id="chat",
        control_tokens=CHAT_TOKENS,
        network=llama,
        reading_epochs=15,
        tuning_epochs=45,
        rate=2e-3,
        turns=2,
    ),
    Recipe(
        id="demo-korwkv",
        title="an RWKV spoken to in the koalpaca format",
        format_id="koalpaca",
        control_tokens=RWKV_TOKENS,
        network=rwkv,
        reading_epochs=9,
        tuning_epochs=35,
        rate=2e-3,
    ),
    Recipe(
        id="demo-kullm-banmal",
        title="a LoRA adapter over demo-kullm that answers in familiar speech (반말)",
        format_id="kullm",
        control_tokens=POLYGLOT_TOKENS,
        network=gpt_neox,
        reading_epochs=0,
        tuning_epochs=40,
        rate=6e-3,
        replay=0.0,
        banmal=True,
        adapter_over="demo-kullm",
    ),
)
