"""The options that the commands share, and what they say about how models are to answer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from comparison.asking import HowToAnswer
from comparison.presets import GenerationChoice
from comparison.terminal.wiring import Wiring
from errors import BadRequest, UnknownName

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
    score_with: str | None = None
    """A reward model that scores every answer."""
    reproducible: bool = False
    """Answer each question alone on its model, so that last-bit rounding cannot differ."""


def picked(ids: str, wiring: Wiring) -> tuple[str, ...]:
    """The model ids of a comma list, each of them known and named once."""
    models = _known_names("model", ids, wiring.models)
    for model_id in models:
        if wiring.models[model_id].scores_answers:
            raise BadRequest("reward-model-answers-nothing", model=model_id)
    return models


def how_of(options: SharedOptions, models: Sequence[str], wiring: Wiring, system: str = "") -> HowToAnswer:
    """How these models are to answer; whatever does not exist or is out of range is refused here."""
    if options.format is not None:
        _known_names("prompt format", options.format, wiring.formats)
    quantization = options.quantization
    for model_id in models:
        _check_quantization(quantization, model_id, wiring)
    given = {name: getattr(options, name) for name in _GENERATION}
    return HowToAnswer(
        GenerationChoice(figures={name: value for name, value in given.items() if value is not None}),
        system,
        options.format,
        options.reproducible,
        {} if quantization is None else dict.fromkeys(models, quantization),
        _scorer(options.score_with, wiring),
    )


def _scorer(name: str | None, wiring: Wiring) -> str | None:
    if name is None:
        return None
    scorers = [model_id for model_id, facts in wiring.models.items() if facts.scores_answers]
    if name in wiring.models and name not in scorers:
        raise BadRequest("not-a-reward-model", model=name)
    return _known_names("reward model", name, scorers)[0]


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
