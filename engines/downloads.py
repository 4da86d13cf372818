"""Fetching a model's files without loading it, going on with what was begun, and deleting what was fetched.

Knows: that a paused download keeps its connection and, where that is lost, goes on at the byte where it
stood; that of a stopped one the whole files stay in the hub's cache; and that files of a model in memory are
not deleted.
Refuses to know: torch and the hub's library before the first download.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engines.base import State
from engines.lazy import HandLoads
from engines.memory import LiveLoad, PoolView, StoredFiles
from engines.on_disk import free_for_models, hub_folder, on_disk
from errors import BadRequest, EngineDown, LoadError, NaraniError, Stopped
from model_registry.registry import Registry
from model_registry.spec import ModelSpec

_log = logging.getLogger(__name__)


class Downloads:
    """One a process; safe to use from any thread."""

    def __init__(self, registry: Registry, view: Callable[[], PoolView | None]) -> None:
        self._registry, self._view = registry, view
        self._by_hand = HandLoads(self._start)
        self._paused: set[str] = set()
        self._changed = threading.Condition()

    def begin(self, model_id: str) -> None:
        """A new download, unless one is under way for this model already."""
        self._by_hand.begin(model_id, "")

    def all(self) -> tuple[LiveLoad, ...]:
        """The last of each model, under way or ended."""
        return self._by_hand.all()

    def pause(self, model_id: str, on: bool = True) -> None:
        with self._changed:
            (self._paused.add if on else self._paused.discard)(model_id)
            self._changed.notify_all()

    def is_paused(self, model_id: str) -> bool:
        return model_id in self._paused

    def can_fetch(self, spec: ModelSpec) -> bool:
        return spec.remote is None and not Path(spec.local.source).is_absolute()

    def stored(self) -> tuple[StoredFiles, ...]:
        """Of every model of which there is something, the largest first."""
        specs = [spec for spec in self._registry.models.values() if self.can_fetch(spec)]
        found = [self._stored(spec) for spec in specs if hub_folder(spec).is_dir()]
        return tuple(sorted((one for one in found if one.bytes), key=lambda one: -one.bytes))

    def free_bytes(self) -> int:
        """Of the disk that the cache lies on."""
        return free_for_models()

    def remove(self, model_id: str) -> None:
        """Its own files: those of an adapter's base stay."""
        spec = self._registry.get(model_id)
        same = [one.id for one in self._same_files(spec)]
        busy = any(not live.ended and live.model_id in same for live in self.all())
        view = self._view()
        for resident in (*view.residents, *view.parked) if view else ():
            busy = busy or bool({resident.model_id, *resident.adapters} & set(same))
        if busy:
            raise BadRequest("files-in-use", model=spec.title)
        try:
            shutil.rmtree(hub_folder(spec))
        except OSError as error:
            raise BadRequest("files-not-removed", model=spec.title, why=error.strerror or "") from None

    def _start(self, live: LiveLoad) -> None:
        self.pause(live.model_id, False)
        live.when_stopped(lambda: self.pause(live.model_id, False))
        threading.Thread(target=self._fetch, args=(live,), name="download", daemon=True).start()

    def _go_on(self, live: LiveLoad) -> None:
        """Not while it is paused."""
        with self._changed:
            self._changed.wait_for(lambda: live.model_id not in self._paused)
        if live.stop_asked:
            raise Stopped("stopped-while-loading")

    def _fetch(self, live: LiveLoad) -> None:
        problem: NaraniError | None = None
        try:
            self._fetch_all(live)
        except NaraniError as error:
            problem = error
        except ImportError as error:
            problem = EngineDown.lacking(error)
        except Exception as error:  # noqa: BLE001 - whatever a file causes, the thread ends with a word
            _log.warning("a download broke", exc_info=True)
            problem = LoadError("load-broke", model=live.model_id, kind=type(error).__name__)
        live.finish(problem)

    def _fetch_all(self, live: LiveLoad) -> None:
        from engines.loading.hub import files_of, tokenizer_files_of  # brings torch, which no page waits for

        spec, watch = self._registry.get(live.model_id), _Watch(live, self._go_on)
        watch.report("download", 0.0)
        for one in (*([self._registry.base_of(spec)] if spec.adapter else []), spec):
            tokenizer_files_of(one, files_of(one, watch), watch)

    def _stored(self, spec: ModelSpec) -> StoredFiles:
        size = sum(path.stat().st_size for path in _files(hub_folder(spec)))
        others = tuple(other.id for other in self._same_files(spec) if other.id != spec.id)
        return StoredFiles(spec.id, size, on_disk(spec), others)

    def _same_files(self, spec: ModelSpec) -> Iterator[ModelSpec]:
        for other in self._registry.models.values():
            if self.can_fetch(other) and other.local.source == spec.local.source:
                yield other


@dataclass(frozen=True)
class _Watch:
    live: LiveLoad
    go_on: Callable[[LiveLoad], None]

    def report(self, stage: str, fraction: float | None, note: str = "") -> None:
        self.go_on(self.live)
        self.live.enter(State.LOADING, stage, fraction)


def _files(folder: Path) -> Iterator[Path]:
    """Each file once: those of a snapshot are links to the blobs."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if path.is_file() and not path.is_symlink():
                yield path
