"""How a base would read the data: its format, its tokenizer and its end token, where they are here.

Knows: what is needed of a base to count tokens, and what is said where it is not on this machine.
Refuses to know: weights, and what the name of a base means.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from errors import BadRequest
from errors.note import Note
from finetune.tokens.rows import TrainingTokenizer
from model_registry.chat_tokenizer import tokenizer_folder
from model_registry.registry import Registry
from prompts.conversation import Conversation
from prompts.encoding import ControlTokens, control_tokens
from prompts.format import PromptFormat
from prompts.rendering import render

if TYPE_CHECKING:
    from finetune.base import Base


@dataclass(frozen=True)
class BaseReading:
    """A format, and of the base as much as is here."""

    format: PromptFormat
    base: str = ""
    tokenizer: TrainingTokenizer | None = None
    eos: str = ""
    notes: tuple[str, ...] = ()

    @cached_property
    def control_tokens(self) -> ControlTokens:
        if self.tokenizer is None:
            return ControlTokens(frozenset(), frozenset())
        prompt = render(self.format, Conversation.ask("?"), self.tokenizer)
        return control_tokens(prompt, self.eos, self.tokenizer)


def base_reading(registry: Registry, format_id: str | None, base_name: str | None) -> BaseReading:
    """The format named, or else the base's own; the tokenizer only where it lies on this machine."""
    if not base_name:
        if format_id is None:
            raise BadRequest("format-unnamed")
        note = Note("note-no-base")
        return BaseReading(registry.formats.get(format_id), notes=(note,))
    # Not at the top: they bring torch, which a look at data without a base does not need.
    from engines.loading.tokenizing import load_tokenizer
    from finetune.base import base_for, learned_end

    base = base_for(base_name, registry, format_id, tuned=True)
    folder = _tokenizer_folder(base, registry)
    if folder is None:
        note = Note("note-base-not-here", model=base.spec.title)
        return BaseReading(base.format, base.spec.id, notes=(*base.notes, note))
    tokenizer = load_tokenizer(folder, base.spec)
    return BaseReading(base.format, base.spec.id, tokenizer, learned_end(base, tokenizer), base.notes)


def _tokenizer_folder(base: Base, registry: Registry) -> Path | None:
    folder = tokenizer_folder(registry, base.spec) if base.spec.local.tokenizer.source else base.folder
    return folder if folder is not None and (folder / "tokenizer.json").is_file() else None
