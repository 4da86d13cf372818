"""One model in memory: its weights, the adapters attached to them, and the batches that answer with them.

It makes its weights answer as the base or as an adapter. It sees no other model, no budget and no question.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import torch

from engines.devices import ReleaseProof, network_bytes, own_tensors_of
from engines.families import stepper_for
from engines.host_copy import HostCopy
from engines.host_memory import HostMemory
from engines.loading.adapters import AdapterSwitch, attach_adapter
from engines.loading.loaded import AttachedAdapter, LoadedModel, LoadWatch, ScoreHead
from engines.model_batch import ModelBatch
from engines.resident_figures import CacheGrowth, ResidentFigures
from engines.shortage import clear_device_cache
from engines.stepping import Stepper
from engines.steps.choice import StepChooser
from model_registry.spec import ModelSpec

_SMALL = 256 * 10**6
"""Below this a second thread costs more than it brings."""
_ALL_THREADS = torch.get_num_threads()


@dataclass(eq=False)
class Resident(ResidentFigures):
    """Held by the books alone; everyone else holds a lease."""

    loaded: LoadedModel = field(kw_only=True)
    choose_step: StepChooser = field(default_factory=StepChooser, kw_only=True)
    adapters: dict[str, AttachedAdapter] = field(default_factory=dict)
    is_parked: bool = False
    _copy: HostCopy | None = None
    _batches: dict[str | None, ModelBatch] = field(default_factory=dict)
    _switch: AdapterSwitch | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """On the loading thread: steps are tried, while nobody has the model yet."""
        self._choose(None)
        self.measure()

    def measure(self) -> None:
        heads = (adapter.head for adapter in self.adapters.values())
        own = sum(head.weight.nbytes for head in heads if head is not None)
        self.weight_bytes = network_bytes(self.loaded.model) + own

    @property
    def step_bytes(self) -> int:
        """What was measured as steps were proven counts from the load on, though graphs are made later."""
        kept = {adapter: step.kept_bytes for adapter, step in list(self.steps.items())}
        for adapter, batch in list(self._batches.items()):
            kept[adapter] = max(kept.get(adapter, 0), batch.kept_bytes)
        return sum(kept.values())

    @property
    def host_bytes(self) -> int:
        return self._copy.nbytes if self._copy is not None else 0

    def bytes_to_copy(self, memory: HostMemory) -> int:
        """What parking it would take of the host's memory, beyond what a copy of it takes already."""
        return (self._copy or HostCopy(memory)).lacking(self._own_tensors())

    def attach(self, adapter: ModelSpec, watch: LoadWatch) -> None:
        """On the decode loop's thread only: it changes the network's layers."""
        self.adapters[adapter.id] = attach_adapter(self.loaded, adapter, watch)
        self._switch = AdapterSwitch(self.loaded)
        self._use_adapter(adapter.id)
        self._choose(adapter.id)
        self.measure()

    def batch(self, adapter_id: str | None, most_rows: int, grow_cache: GrowCache) -> ModelBatch:
        """The one batch of the base (None) or of an adapter over it; asked for from several threads."""
        with self._lock:
            if adapter_id not in self._batches:
                self._batches[adapter_id] = ModelBatch(
                    stepper=self._stepper(adapter_id),
                    device=self.loaded.device,
                    most_rows=most_rows,
                    prepare=lambda: self._use_adapter(adapter_id),
                    grow_cache=partial(grow_cache, self, adapter_id),
                    weight_bytes=self.weight_bytes,
                )
            return self._batches[adapter_id]

    def head(self, spec: ModelSpec) -> ScoreHead | None:
        """What scores, where the model is a reward model that is attached."""
        return self.adapters[spec.id].head if spec.id in self.adapters else None

    def unload(self) -> int:
        """Drop every reference, and tell the bytes that really came back; the figures stay for the books."""
        device = self.loaded.device
        proof = ReleaseProof(self.loaded.model, device, self.step_bytes)
        self._drop_batches()
        self._switch, self.is_parked = None, False
        del self.loaded
        self.drop_copy()
        clear_device_cache(device)
        return proof.returned_bytes()

    def park(self, memory: HostMemory) -> int:
        """Leave the weights, those of its adapters too, in host memory alone, and tell the bytes that came
        back on the device. Steps are built anew, and graphs captured, by who asks it next. Raises where there
        is no memory; then it is as it was."""
        device = self.loaded.device
        proof = ReleaseProof(self.loaded.model, device, self.step_bytes)
        copy = self._copy or HostCopy(memory)
        copy.take_in(self._own_tensors())
        self._copy, self.is_parked = copy, True
        self._drop_batches()
        self.cache_bytes = 0
        self.cache_of.clear()
        copy.leave_device()
        clear_device_cache(device)
        return proof.returned_bytes()

    def wake(self, watch: LoadWatch, cache_bytes: int) -> None:
        """Bring the weights back; where that raises it is parked as before."""
        assert self._copy is not None and self.is_parked, "only what was parked is woken"
        started = time.perf_counter()
        self._copy.come_back(lambda share: watch.report("weights", share))
        self.is_parked, self.load_seconds = False, time.perf_counter() - started
        self.cache_bytes, self.last_used = cache_bytes, time.monotonic()

    def drop_copy(self) -> None:
        """Of a parked model only where the model goes too."""
        if self._copy is not None:
            self._copy.free()
        self._copy = None

    def _drop_batches(self) -> None:
        for batch in self._batches.values():
            batch.drop_network()
        self._batches.clear()

    def _own_tensors(self) -> Iterator[torch.Tensor]:
        yield from own_tensors_of(self.loaded.model)
        for adapter in self.adapters.values():
            if adapter.head is not None:
                yield adapter.head.weight

    def _choose(self, adapter_id: str | None) -> None:
        loaded = self.loaded
        chosen = self.choose_step(loaded.model, loaded.device, loaded.quantization, adapter_id is not None)
        self.steps[adapter_id] = chosen

    def _stepper(self, adapter_id: str | None) -> Stepper:
        return stepper_for(self.loaded.model, self.loaded.device, self.steps[adapter_id].name)

    def _use_adapter(self, adapter_id: str | None) -> None:
        if self._switch is not None:
            self._switch.use(self.adapters[adapter_id].name if adapter_id is not None else None)
        if self.loaded.device.type == "cpu":
            _set_threads(1 if self.weight_bytes < _SMALL else _ALL_THREADS)


GrowCache = Callable[[Resident, str | None, int], CacheGrowth]
"""Whether the batch of an adapter (None: of the base) may have so many bytes of cache."""


def _set_threads(count: int) -> None:
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)
