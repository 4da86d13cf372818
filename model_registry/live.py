"""The registry of a running process, which can be read again; apart, because commands read it once.

Knows: how one whole picture takes the place of another, for everyone who holds it and at once.
Refuses to know: who wrote an entry, and what is done with models.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from model_registry.faults import EntryFault
from model_registry.registry import Registry, load_registry
from model_registry.spec import ModelSpec
from prompts.catalog import PromptFormats


class LiveRegistry(Registry):
    """Pages and engine share one; whoever needs several facts that belong together takes `now()`."""

    def __init__(self, own_models: Path | None = None) -> None:
        self._own_models = own_models
        self._reading = threading.Lock()
        self._picture = load_registry(own_models)

    def now(self) -> Registry:
        """The picture of this moment; it never changes."""
        return self._picture

    def reload(self) -> None:
        """Read all files again. A question that is being answered keeps the entry it began with."""
        # Two that reload at once take turns, so that the picture left standing is of the newest files.
        with self._reading:
            self._picture = load_registry(self._own_models)

    def get(self, model_id: str) -> ModelSpec:
        return self._picture.get(model_id)

    @property
    def models(self) -> Mapping[str, ModelSpec]:
        return self._picture.models

    @property
    def faults(self) -> tuple[EntryFault, ...]:
        return self._picture.faults

    @property
    def formats(self) -> PromptFormats:
        return self._picture.formats

    @property
    def notes(self) -> tuple[EntryFault, ...]:
        return self._picture.notes

    @property
    def files(self) -> Mapping[str, Path]:
        return self._picture.files
