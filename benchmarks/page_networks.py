"""Random networks behind the page, and transformers' own `generate` beside them in the same process.

Knows: how both sides get the same weights, prompt, length and number of threads.
Refuses to know: the page, and who asks when.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

from benchmarks.app_one import HOST_BOUND
from benchmarks.korean import QUESTIONS
from benchmarks.networks import save_random, spec_of
from benchmarks.raw import raw_generate
from benchmarks.rounds import on_one_thread, timed
from engines.local import LocalEngine
from model_registry.registry import Registry, load_registry
from model_registry.spec import GenerationDefaults, ModelSpec
from tests.engines.running_engine import open_engine


@dataclass(frozen=True)
class Networks:
    """Both ways of getting the same answers."""

    registry: Registry
    """Everything that ships, and the networks, which the page picks by itself."""
    engine: LocalEngine
    raw: Callable[[], float]
    """Seconds of `generate` for the answers of all models, one after another."""


@contextmanager
def open_networks(models: int, tokens: int) -> Iterator[Networks]:
    with tempfile.TemporaryDirectory() as place:
        names = [f"random-{at + 1}" for at in range(models)]
        folders = {name: save_random(Path(place, name), HOST_BOUND, seed) for seed, name in enumerate(names)}
        specs = {name: _spec(name, folder, tokens) for name, folder in folders.items()}
        shipped = load_registry()
        others = {id: spec.model_copy(update={"demo": False}) for id, spec in shipped.models.items()}
        registry = replace(shipped, models=MappingProxyType({**specs, **others}))
        with open_engine(specs) as running:
            prompts = {name: running.answer(name, QUESTIONS[0], max_new_tokens=1).prompt for name in names}
            raws = [raw_generate(folders[name], [prompts[name]], tokens) for name in names]
            one_after_another = timed(lambda: [raw() for raw in raws])
            yield Networks(registry, running.engine, partial(on_one_thread, one_after_another))


def _spec(name: str, folder: Path, tokens: int) -> ModelSpec:
    """Picked without anybody picking, as the demo models else are; answers as raw generation does."""
    generation = GenerationDefaults(temperature=0.0, max_new_tokens=tokens)
    return spec_of(name, folder, HOST_BOUND).model_copy(update={"demo": True, "generation": generation})
