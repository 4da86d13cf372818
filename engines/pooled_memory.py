"""The pool as a person sees and steers it, by the names of the registry.

Knows: which weights a model's name means, and how a load by hand asks the pool as a question does.
Refuses to know: questions, and how the pool makes room.
"""

from __future__ import annotations

from engines.hand_loads import HandLoads
from engines.lease import Lease, LeaseRequest
from engines.memory import LiveLoad, LoadPlan, PoolView
from engines.occupant import ResidentKey
from engines.on_disk import DiskLook
from engines.pool import ModelPool
from errors import BadRequest, NaraniError
from model_registry.registry import Registry
from model_registry.spec import ModelSpec


class PooledMemory:
    def __init__(self, registry: Registry, pool: ModelPool) -> None:
        self._registry, self._pool = registry, pool
        self._by_hand = HandLoads(self.bring)
        self._disk = DiskLook(registry)

    def view(self) -> PoolView:
        return self._pool.view()

    def plan(self, model_id: str, quantization: str) -> LoadPlan:
        return self._pool.plan(self._wish(LiveLoad(model_id, quantization)))

    def load(self, model_id: str, quantization: str) -> LiveLoad:
        return self._by_hand.begin(model_id, quantization)

    def loads_by_hand(self) -> tuple[LiveLoad, ...]:
        return self._by_hand.all()

    def bring(self, live: LiveLoad) -> None:
        try:
            wish = self._wish(live)
        except NaraniError as error:
            live.finish(error)
            return
        live.when_stopped(lambda: self._pool.cancel(wish))
        self._pool.request(wish)
        if live.stop_asked:  # before there was anything to cancel
            self._pool.cancel(wish)

    def release(self, model_id: str, quantization: str) -> bool:
        return self._pool.unload(self._place(model_id, quantization))

    def keep_loaded(self, model_id: str, quantization: str, keep: bool) -> bool:
        return self._pool.keep(self._place(model_id, quantization), keep)

    def on_disk(self, model_id: str) -> bool:
        return self._disk.has(model_id)

    def _wish(self, live: LiveLoad) -> LeaseRequest:
        spec = self._registry.get(live.model_id)
        base = self._registry.base_of(spec)
        check_offered(spec, base, live.quantization)

        def granted(lease: Lease) -> None:
            lease.release()
            live.finish()

        return LeaseRequest(
            base=base,
            adapter=None if spec is base else spec,
            quantization=live.quantization,
            cache_tokens=0,
            live=live,
            granted=granted,
            refused=live.finish,
        )

    def _place(self, model_id: str, quantization: str) -> ResidentKey:
        spec = self._registry.models.get(model_id)
        return ResidentKey(self._registry.base_of(spec).id if spec else model_id, quantization)


def check_offered(spec: ModelSpec, base: ModelSpec, quantization: str) -> None:
    if quantization not in base.loading.quantizations:
        offered = ", ".join(base.loading.quantizations)
        raise BadRequest(
            "quantization-not-offered", model=spec.title, quantization=quantization, offered=offered
        )
