"""The one place where a concrete engine is chosen: each model is answered by the engine that can run it.

Weights that are here go to the local engine. Remote services have no engine yet, so a question to one is
refused.
"""

from __future__ import annotations

from engines.base import AnswerRequest, Engine, LiveAnswer
from engines.downloads import Downloads
from engines.lazy import LazyEngine
from engines.memory import EngineWithMemory, ModelDownloads, ModelMemory
from errors import BadRequest, NaraniError
from model_registry.registry import Registry
from settings import Settings


class EngineByModel:
    """Hands each question on by where its model runs."""

    def __init__(self, registry: Registry, local: Engine) -> None:
        self._registry, self._local = registry, local

    def submit(self, request: AnswerRequest, live: LiveAnswer) -> None:
        try:
            self._engine_of(request.model_id).submit(request, live)
        except NaraniError as error:
            live.fail(error, request.settings)

    def close(self) -> None:
        self._local.close()

    def _engine_of(self, model_id: str) -> Engine:
        # A name that nobody knows is refused where it would be loaded, in the local engine's words.
        spec = self._registry.models.get(model_id)
        if spec is not None and spec.remote:
            raise BadRequest("remote-service-not-asked", model=spec.title)
        return self._local


def build_engine(registry: Registry, settings: Settings) -> EngineByModel:
    """For a command line, which asks at once: the local engine stands when this returns."""
    return EngineByModel(registry, build_local(registry, settings))


def build_engine_lazily(registry: Registry, settings: Settings) -> tuple[EngineByModel, LazyEngine]:
    """For an app, whose pages open before anybody asks: the engine, and the memory of the models here."""
    local = LazyEngine(lambda: build_local(registry, settings), registry, settings.memory_budget)
    return EngineByModel(registry, local), local


def build_downloads(registry: Registry, memory: ModelMemory) -> ModelDownloads:
    """Beside the engine, which a download does not need."""
    return Downloads(registry, memory.view)


def build_local(registry: Registry, settings: Settings) -> EngineWithMemory:
    # Not at the top: the local engine imports torch, which no page waits for.
    from engines.local import build_local_engine

    return build_local_engine(registry, settings)
