"""Reads stored tensors one by one: to the device, checked for numbers, with progress, able to stop midway.

A library is handed tensors that are only read when it asks for them.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from safetensors import safe_open

from engines.loading.loaded import LoadWatch
from errors import LoadError, Stopped
from model_registry.reading.headers import FLOATS, StoredTensor


class WeightReader:
    """The tensors of one load; `close` waits until no thread is reading any more."""

    def __init__(
        self,
        tensors: tuple[StoredTensor, ...],
        device: torch.device,
        watch: LoadWatch,
        stage: str = "weights",
        unpickled: Mapping[str, torch.Tensor] | None = None,
    ) -> None:
        self._device, self._watch, self._stage = device, watch, stage
        self._unpickled = dict(unpickled or {})
        self._files: dict[Path, Any] = {}
        self._total = max(1, sum(tensor.bytes for tensor in tensors))
        self._read = 0
        self._reading = 0
        self._closed = False
        self._failure: Exception | None = None
        self._turn = threading.Condition()
        self._report_lock = threading.Lock()
        self.lazy = {tensor.name: LazyTensor(tensor, self) for tensor in tensors}

    def __enter__(self) -> WeightReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Whoever loads may have left its threads behind; what they hold must be gone before we return."""
        with self._turn:
            self._closed = True
            self._turn.wait_for(lambda: self._reading == 0)
            failure, self._failure = self._failure, None
            self._files.clear()
            self._unpickled.clear()
            self.lazy = {}
        if failure is not None and error is not failure:
            raise failure

    def read(self, tensor: StoredTensor) -> torch.Tensor:
        with self._turn:
            if self._closed:
                raise Stopped("load-ended")
            self._reading += 1
        try:
            values = read_tensor(self._open(tensor), tensor, self._device)
            refuse_broken_numbers(values, tensor)
            self._report(tensor)
            return values
        except Exception as error:
            self._fail(error)
            raise
        finally:
            with self._turn:
                self._reading -= 1
                self._turn.notify_all()

    def _fail(self, error: Exception) -> None:
        """The first read that fails or is cancelled ends all others, in whichever thread they wait."""
        with self._turn:
            if not self._closed:
                self._closed, self._failure = True, error

    def _open(self, tensor: StoredTensor) -> Any:
        if tensor.name in self._unpickled:
            return self._unpickled
        with self._turn:
            if tensor.file not in self._files:
                self._files[tensor.file] = safe_open(tensor.file, framework="pt", device="cpu")
            return self._files[tensor.file]

    def _report(self, tensor: StoredTensor) -> None:
        with self._report_lock:
            self._read += tensor.bytes
            self._watch.report(self._stage, min(1.0, self._read / self._total))


@dataclass(frozen=True)
class LazyTensor:
    """Looks like a slice of a safetensors file to transformers, and is read when it is indexed."""

    stored: StoredTensor
    reader: WeightReader

    def __getitem__(self, index: Any) -> torch.Tensor:
        return self.reader.read(self.stored)

    def get_shape(self) -> list[int]:
        return list(self.stored.shape)

    def get_dtype(self) -> str:
        return self.stored.dtype


def read_tensor(file: Any, tensor: StoredTensor, device: torch.device) -> torch.Tensor:
    """A copy that no longer depends on the file, which may be replaced while the model is in use."""
    values = file[tensor.name] if isinstance(file, dict) else file.get_tensor(tensor.name)
    return values.clone() if device.type == "cpu" else values.to(device)


def refuse_broken_numbers(values: torch.Tensor, tensor: StoredTensor) -> None:
    """One pass without a second array: a sum is only finite when all its parts are."""
    if tensor.dtype not in FLOATS or bool(torch.isfinite(values.sum(dtype=torch.float32))):
        return
    if not bool(torch.isfinite(values).all()):
        raise LoadError("tensor-no-numbers", tensor=tensor.name, file=tensor.file.name)
