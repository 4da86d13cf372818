"""A step captured in CUDA graphs, one for each bucket of rows and class of lengths and replayed whole.

Its first run for a shape is a plain one, which also loads and compiles what the capture may not. What cannot
be captured is computed plainly from then on, and why is kept. An adapter has a batch, and so graphs, of its
own: the flags of its layers are those of the moment of capture.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from engines.devices import bytes_beside_allocator
from engines.shortage import DEVICE_CALLS, drop_tracebacks
from engines.steps.step import DecodeStep, StepName
from engines.steps.tables import StepTables
from errors import in_few_words

_log = logging.getLogger(__name__)
_MOST_GRAPHS = 8
_MOST_OF_DRIVER = 64 * 2**20
"""For one graph: beyond this another process has grown in the same moment."""

RunStep = Callable[[], Tensor]


class StepGraph(Protocol):
    def replay(self) -> None: ...

    def reset(self) -> None: ...


class GraphMaker(Protocol):
    """What makes graphs that share one pool of memory."""

    @property
    def nbytes(self) -> int:
        """What the pool holds, and the driver for its graphs."""

    def warmed(self, run: RunStep) -> Tensor:
        """Run it where it will be captured, and hand its result to the stream that goes on."""

    def captured(self, run: RunStep) -> tuple[StepGraph, Tensor]:
        """Its launches, and where each replay leaves the result; they are not run."""

    def renew_pool(self) -> None:
        """All its graphs were reset: a pool that no graph holds any more takes none."""


class CapturedStep:
    """For one batch, and used by one thread."""

    def __init__(self, inner: DecodeStep, device: torch.device, graphs: GraphMaker | None = None) -> None:
        self._inner = inner
        self._graphs = graphs or _CudaGraphs(device)
        self._held: OrderedDict[tuple[int, int], tuple[StepGraph, Tensor]] = OrderedDict()
        self._moved = 0
        self.by_address = inner.by_address
        self.failed: str | None = None
        """Why nothing is captured any more."""

    @property
    def name(self) -> StepName:
        if self.failed is not None:
            return self._inner.name
        return "fused-graph" if self._inner.name == "fused" else "graph"

    @property
    def nbytes(self) -> int:
        return self._graphs.nbytes if self._held else 0

    def __call__(self, tables: StepTables, rows: int, keys: int) -> Tensor:
        def run() -> Tensor:
            return self._inner(tables, rows, keys)

        if self.failed is not None:
            return run()
        if not self.by_address and self._moved != tables.moved:
            self.drop()
            self._moved = tables.moved
        shape = rows, keys
        if shape not in self._held:
            logits = self._graphs.warmed(run)
            self._capture(shape, run)
            return logits
        self._held.move_to_end(shape)
        graph, logits = self._held[shape]
        graph.replay()
        return logits

    def drop(self) -> None:
        """Give the graphs back; the next step captures anew."""
        while self._held:
            self._held.popitem()[1][0].reset()
        self._graphs.renew_pool()

    def _capture(self, shape: tuple[int, int], run: RunStep) -> None:
        while len(self._held) >= _MOST_GRAPHS:
            self._held.popitem(last=False)[1][0].reset()
        try:
            self._held[shape] = self._graphs.captured(run)
            return
        except Exception as error:  # noqa: BLE001 - whatever a capture meets, the plain step goes on
            _log.warning("a step could not be captured", exc_info=True)
            self.failed = in_few_words(f"{type(error).__name__}: {error}".splitlines()[0])
            drop_tracebacks(error)
        self.drop()


class _ThreadStreams(threading.local):
    def __init__(self) -> None:
        self.of: dict[torch.device, torch.cuda.Stream] = {}


_STREAMS = _ThreadStreams()


class _CudaGraphs:
    """On a stream of the thread's own, in a mode in which other threads may allocate and load meanwhile."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.renew_pool()

    def renew_pool(self) -> None:
        self._of_pool = 0
        self._of_driver: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        """For each graph that is still held."""
        self._pool = torch.cuda.graph_pool_handle()

    @property
    def nbytes(self) -> int:
        return self._of_pool + sum(self._of_driver.values())

    def warmed(self, run: RunStep) -> Tensor:
        with self._own_stream() as current:
            result = run()
        result.record_stream(current)
        return result

    def captured(self, run: RunStep) -> tuple[StepGraph, Tensor]:
        graph = torch.cuda.CUDAGraph()
        before = bytes_beside_allocator(self._device)
        with DEVICE_CALLS, _no_collection(), self._own_stream():
            graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            try:
                result = run()
            except BaseException:
                with suppress(RuntimeError):
                    graph.capture_end()
                raise
            graph.capture_end()
        segments = torch.cuda.memory_snapshot()
        own = [part for part in segments if tuple(part["segment_pool_id"]) == tuple(self._pool)]
        self._of_pool = sum(part["total_size"] for part in own)
        of_driver = bytes_beside_allocator(self._device) - before
        self._of_driver[graph] = min(max(0, of_driver), _MOST_OF_DRIVER)
        return graph, result

    @contextmanager
    def _own_stream(self) -> Iterator[torch.cuda.Stream]:
        current, own = torch.cuda.current_stream(self._device), _stream_of_thread(self._device)
        own.wait_stream(current)
        with torch.cuda.stream(own):
            yield current
        current.wait_stream(own)


def _stream_of_thread(device: torch.device) -> torch.cuda.Stream:
    """cuBLAS keeps 32 MB for good for every stream it meets, so there is one for all graphs of a thread; and
    graphs write there, so two threads that run at once share none."""
    if device not in _STREAMS.of:
        _STREAMS.of[device] = torch.cuda.Stream(device)
    return _STREAMS.of[device]


@contextmanager
def _no_collection() -> Iterator[None]:
    """What is collected by chance may free a graph, which a capture does not survive."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
