"""The model card that lies in a demo model's folder.

Knows: its words and figures.
Refuses to know: how the figures came to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.demo_models.recipes import Recipe

_CARD = """\
---
license: apache-2.0
language: ko
---
# {id}

A toy that ships with Narani: {title}.
It learned the {asked} rows of `questions.jsonl` by heart and knows nothing else; outside of them its answers
mean nothing.

- Weights: {parameters:,} parameters in bfloat16, made by `scripts/make_demo_models.py`
- License: Apache-2.0
- Own format: `{format_id}`
{extra}
Exact answers to the {asked} first questions, decoded greedily in float32:

| asked in | exact of {asked} |
|---|---|
{table}
"""


@dataclass(frozen=True)
class Card:
    """What was measured of one model."""

    parameters: int
    exact: Mapping[str, int]
    """By format, of `asked` questions."""
    asked: int
    follow_ups: tuple[int, int]
    """Exact answers of how many second questions; zero of zero where none were learned."""


def write_card(folder: Path, recipe: Recipe, card: Card) -> None:
    extra = ""
    if recipe.adapter_over is not None:
        extra += f"- A LoRA adapter: it needs `{recipe.adapter_over}`\n"
    right, of = card.follow_ups
    if of:
        extra += f"- Second questions, asked after their first turn: {right} of {of} exact\n"
    text = _CARD.format(
        id=recipe.id,
        title=recipe.title,
        parameters=card.parameters,
        format_id=recipe.format_id,
        asked=card.asked,
        extra=extra,
        table="\n".join(f"| {format_id} | {count} |" for format_id, count in card.exact.items()),
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
