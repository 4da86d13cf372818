"""Lines of docs/coming-from.md through the real command line, and what they say without it.

Knows: which words are a training of a later step, and how a setting is written.
Refuses to know: what a training does.
"""

from __future__ import annotations

from typing import Any, get_args, get_origin, get_type_hints

import pytest
from pydantic import TypeAdapter

import finetune.cli as finetune_command
from finetune.kinds import KINDS
from finetune.sft_settings import SftSettings
from tests.finetune.coming_from_page import options_of, typed

CHAT_KINDS = tuple(kind for kind in KINDS if kind != SftSettings.kind)
CHAT = {
    text: (kind, words)
    for kind in CHAT_KINDS
    for text, words in typed("python", "-m", "finetune", kind).items()
}
"""Trainings of the later steps, with their kind."""


def parsed(words: list[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The options that the command would run with."""
    kept: list[Any] = []

    def keep(options: Any, home: object) -> int:
        kept.append(options)
        return 0

    with monkeypatch.context() as patch:
        patch.setattr(finetune_command, "_run", keep)
        assert finetune_command.main(words) == 0
    return kept[0]


def values_of(words: list[str], kind: str = SftSettings.kind) -> dict[str, Any]:
    """What was said, as settings, without the command's own parser."""
    hints = get_type_hints(KINDS[kind].settings)
    return {
        name.removeprefix("no_"): _value(name, said, hints)
        for name, said in options_of(words).items()
        if name != "recipe"
    }


def _value(name: str, said: tuple[str, ...], hints: dict[str, Any]) -> Any:
    if not said:
        return not name.startswith("no_")
    assert name in hints, f"there is no setting {name}"
    if get_args(hints[name])[1:] == (Ellipsis,):
        return said
    if get_origin(hints[name]) is tuple:
        return TypeAdapter(hints[name]).validate_python(said)
    assert len(said) == 1, name
    return TypeAdapter(hints[name]).validate_python(said[0])
