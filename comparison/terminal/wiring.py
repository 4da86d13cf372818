"""Where the command lines meet the registry and a concrete engine; tests wire in a scripted one.

What is heavy is imported in `build_engine`, after the arguments were checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engines.base import Engine
from model_registry.spec import GenerationDefaults
from settings import read_settings

if TYPE_CHECKING:
    from history.history import History

_BUSY_SECONDS = 2.0
"""What a terminal waits for whoever holds the history."""


@dataclass(frozen=True)
class ModelFacts:
    """What a command line needs to know of a model that is not loaded yet."""

    format_id: str = ""
    """Its own."""
    generation: GenerationDefaults = field(default_factory=GenerationDefaults)
    quantizations: tuple[str, ...] = ("none",)
    is_demo: bool = False
    scores_answers: bool = False
    """A reward model, which writes no answers."""


@dataclass(frozen=True)
class Wiring:
    """Everything outside of this room that a command line stands on."""

    models: Mapping[str, ModelFacts]
    formats: tuple[str, ...]
    rows_per_model: int
    demo_questions: Path
    build_engine: Callable[[], Engine]
    open_history: Callable[[], History]
    faults: tuple[str, ...] = ()
    """Entries of the person's own that were left out, a sentence each."""

    def recommended(self, model_id: str) -> GenerationDefaults:
        return self.models[model_id].generation


def wire() -> Wiring:
    """The registry and the local engine, as the environment sets them."""
    from model_registry.registry import load_registry

    settings = read_settings()
    registry = load_registry(settings.own_models)

    def build_engine() -> Engine:
        from engines import build

        return build.build_engine(registry, settings)

    def open_history() -> History:
        from history.history import History

        return History(settings.home, settings.database, busy_seconds=_BUSY_SECONDS)

    facts = {
        spec.id: ModelFacts(
            format_id=spec.prompt_format,
            generation=spec.generation,
            quantizations=() if spec.remote else spec.local.loading.quantizations,
            is_demo=spec.demo,
            scores_answers=spec.task == "reward",
        )
        for spec in registry.models.values()
    }
    formats = tuple(one.id for one in registry.formats)
    demo_questions = Path(__file__).parents[2] / "model_registry" / "demo" / "questions.jsonl"
    faults = tuple(fault.message for fault in registry.faults)
    return Wiring(facts, formats, settings.rows_per_model, demo_questions, build_engine, open_history, faults)
