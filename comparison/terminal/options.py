"""What the command lines can be told, and the requests that it comes to.

Knows: the options all commands share, and whose value counts: the person's, then the model's, then ours.
Refuses to know: how options are parsed, engines, and what becomes of the answers.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from comparison.run import requests_for
from comparison.terminal.wiring import Wiring
from engines.base import AnswerRequest, GenerationSettings
from errors import BadRequest, UnknownName
from prompts.conversation import Conversation

_GENERATION = ("temperature", "top_p", "top_k", "repetition_penalty", "max_new_tokens", "seed")


@dataclass(frozen=True, kw_only=True)
class SharedOptions:
    """Which models are asked, and how. What is not set comes from each model's entry."""

    models: str
    """Model ids with commas between them."""
    temperature: float | None = None
    """0 is greedy: always the likeliest token."""
    top_p: float | None = None
    """Sample from the likeliest tokens that together have this probability."""
    top_k: int | None = None
    """Sample from this many likeliest tokens; 0: no limit."""
    repetition_penalty: float | None = None
    """Above 1: tokens that were used already become less likely."""
    seed: int | None = None
    """The same seed gives the same answer."""
    max_new_tokens: int | None = None
    """The longest an answer may be."""
    quantization: str | None = None
    """none, int8 or nf4."""
    format: str | None = None
    """Ask in this prompt format instead of each model's own."""
    reproducible: bool = False
    """Answer each question alone on its model, so that last-bit rounding cannot differ."""

    def generation(self, wiring: Wiring, model_id: str) -> GenerationSettings:
        given = {name: getattr(self, name) for name in _GENERATION}
        chosen = {name: value for name, value in given.items() if value is not None}
        return GenerationSettings(**{**wiring.models[model_id].defaults, **chosen})


def picked(ids: str, wiring: Wiring) -> tuple[str, ...]:
    """The model ids of a comma list, each of them known and named once."""
    return _known_names("model", ids, wiring.models)


def requests_of(
    options: SharedOptions, wiring: Wiring, conversation: Conversation
) -> tuple[AnswerRequest, ...]:
    """One request per picked model; whatever does not exist or is out of range is refused here."""
    models = picked(options.models, wiring)
    if options.format is not None:
        _known_names("prompt format", options.format, wiring.formats)
    for model_id in models:
        _check_quantization(options.quantization, model_id, wiring)
    return requests_for(
        conversation,
        models,
        {model_id: options.generation(wiring, model_id) for model_id in models},
        format_id=options.format,
        quantization=options.quantization,
        reproducible=options.reproducible,
    )


def formats_named(names: str, wiring: Wiring) -> tuple[str, ...]:
    return _known_names("prompt format", names, wiring.formats)


def _known_names(kind: str, names: str, known: Collection[str]) -> tuple[str, ...]:
    wanted = tuple(name.strip() for name in names.split(",") if name.strip())
    if not wanted:
        raise BadRequest("nothing-named", kind=kind)
    for at, name in enumerate(wanted):
        if name not in known:
            raise UnknownName(kind, name, known)
        if name in wanted[:at]:
            raise BadRequest("picked-twice", name=name)
    return wanted


def _check_quantization(quantization: str | None, model_id: str, wiring: Wiring) -> None:
    offered = wiring.models[model_id].quantizations
    if quantization is not None and quantization not in offered:
        raise BadRequest("quantization-only", model=model_id, quantization=quantization, offered=offered)
