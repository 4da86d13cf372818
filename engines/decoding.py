"""The decode loop: one long-lived thread that owns all answering on a device.

Each batch that has work advances by one step in turn: first the steps of all are launched, then the tokens of
the steps before are collected, so that a card has work while tokens become text. Small calls run between two
rounds, for whoever must not meet a step halfway (attaching an adapter, unloading a model).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import torch

from engines.model_batch import ModelBatch
from engines.sequence import Sequence
from errors import EngineDown

CallResult = TypeVar("CallResult")
_HELD_UP_PAUSE = 0.02


class DecodeLoop:
    """Rounds over the batches of all models: each that has work advances by one step, in turn."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._calls: deque[Callable[[], None]] = deque()
        self._batches: list[ModelBatch] = []
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"decode-{device}", daemon=True)
        self._thread.start()

    def add(self, batch: ModelBatch, sequence: Sequence) -> None:
        """Let a question join its model's batch at the next round."""

        def join() -> None:
            batch.add(sequence)
            if batch not in self._batches:
                self._batches.append(batch)

        self._post(join)

    @property
    def is_here(self) -> bool:
        """Whether its own thread asks."""
        return threading.current_thread() is self._thread

    def call(self, function: Callable[[], CallResult]) -> CallResult:
        """Run a function on the loop's thread, between two rounds, and hand its result back."""
        future: Future[CallResult] = Future()

        def run() -> None:
            try:
                future.set_result(function())
            except BaseException as error:  # noqa: BLE001 - it is raised again in the caller's thread
                future.set_exception(error)

        if self.is_here:
            run()
        else:
            self._post(run)
        return future.result()

    def close(self) -> None:
        """End every answer as failed with what had come, and the thread with them."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if not self.is_here:
            self._thread.join()

    def _post(self, call: Callable[[], None]) -> None:
        with self._wake:
            if self._closing:
                raise EngineDown("engine-closing")
            self._calls.append(call)
            self._wake.notify()

    def _run(self) -> None:
        with torch.inference_mode():
            while self._wait_for_work():
                while self._calls:
                    self._calls.popleft()()
                for batch in self._batches:
                    batch.launch()
                for batch in self._batches:
                    batch.collect()
                self._batches = [batch for batch in self._batches if batch.has_work]
                self._pause_if_held_up()
        while self._calls:
            self._calls.popleft()()
        for batch in self._batches:
            batch.fail_all(EngineDown("engine-closing"))

    def _pause_if_held_up(self) -> None:
        """Where every question waits for memory that a load or a release will bring, do not spin."""
        if self._batches and all(batch.is_held_up for batch in self._batches):
            with self._wake:
                self._wake.wait(_HELD_UP_PAUSE)

    def _wait_for_work(self) -> bool:
        if self._batches and not self._closing:
            return True
        with self._wake:
            self._wake.wait_for(lambda: self._closing or self._calls or self._batches)
            return not self._closing
