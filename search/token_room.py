"""How much text of sources the models that are asked can hold beside the conversation and an answer.

Tokens are counted by a model's own tokenizer where it lies on this machine. For a model that was never
fetched two tokens are taken for each character, more than any tokenizer that was made for Korean needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from comparison.asking import Recommended
from comparison.presets import settings_for
from comparison.turns import TurnPicture
from model_registry.chat_tokenizer import tokenizer_folder
from model_registry.registry import Registry
from model_registry.spec import ModelSpec
from prompts.conversation import Conversation, Turn
from prompts.rendering import render
from search.prompt import Fits
from search.wish import EXTRACTIVE, SearchWish

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_OF_TEMPLATE = 100
"""Tokens that no tokenizer's own template needs more of for what it writes around a question."""
_EACH_CHARACTER = 2
_WITH_INPUT = Conversation((Turn("?", "?", input_above=True),))


class TokenRoom:
    def __init__(self, registry: Registry, recommended: Recommended) -> None:
        self._registry, self._recommended = registry, recommended

    def fits(self, wish: SearchWish, turns: Sequence[TurnPicture]) -> Fits:
        """An answer keeps what it may take, at most half of a model's context."""
        rooms = {}
        for model_id in wish.models:
            spec = self._registry.models.get(model_id)
            if model_id == EXTRACTIVE or spec is None or spec.remote:
                continue
            context = spec.local.context_length
            answer = settings_for(self._recommended(model_id), wish.how.choice).max_new_tokens
            so_far = self._tokens(model_id, _conversation(wish, turns, model_id))
            rooms[model_id] = context - min(answer, context // 2) - so_far - self._around(spec, wish)
        return lambda text: all(self._tokens(model_id, text) <= room for model_id, room in rooms.items())

    def _around(self, spec: ModelSpec, wish: SearchWish) -> int:
        """What the format writes around question and sources."""
        formats = self._registry.formats
        own = formats.for_question(self._registry.format_of(spec), _WITH_INPUT)
        format = formats.get(wish.how.format_id) if wish.how.format_id else own
        if format.kind == "chat":
            return _OF_TEMPLATE
        pieces = render(format, _WITH_INPUT).pieces
        return self._tokens(spec.id, "".join(piece.text for piece in pieces))

    def _tokens(self, model_id: str, text: str) -> int:
        folder = tokenizer_folder(self._registry, self._registry.get(model_id))
        tokenizer = _tokenizer(folder / "tokenizer.json") if folder else None
        return len(text) * _EACH_CHARACTER if tokenizer is None else len(tokenizer.encode(text).ids)


def _conversation(wish: SearchWish, turns: Sequence[TurnPicture], model_id: str) -> str:
    """All that this model is shown beside the sources."""
    texts = [wish.how.system, wish.question]
    for turn in turns[-1:]:
        of_model = [column for column in turn.columns if column.request.model_id == model_id]
        for column in (of_model or turn.columns)[:1]:
            *before, last = column.request.conversation.turns
            texts += [f"{each.question}\n{each.answer or ''}" for each in before]
            texts += [last.question, column.text]
    return "\n".join(filter(None, texts))


@lru_cache(maxsize=8)
def _tokenizer(file: Path) -> Tokenizer | None:
    from tokenizers import Tokenizer  # not at the top: a page that only shows what was found needs none

    try:
        return Tokenizer.from_file(str(file))
    except Exception:  # noqa: BLE001 - the library raises bare Exceptions for a file that is not there or broken
        return None
