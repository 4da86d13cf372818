"""Holds the reader of tensors when several threads read: one fault ends all, and leaving waits for all.

Run: python -m pytest tests/engines/loading
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import engines.loading.reading
from engines.loading.reading import WeightReader
from errors import Stopped
from model_registry.reading.headers import StoredTensor
from tests.engines.load_watch import RecordingWatch

TENSORS = tuple(StoredTensor(name, "BF16", (4,), Path("model.safetensors")) for name in "abc")


class Reads:
    """Stands where tensors are read: "a" fails, "b" takes until it is let go, "c" is simply there."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.ended: list[str] = []

    def __call__(self, file: object, tensor: StoredTensor, device: torch.device) -> torch.Tensor:
        if tensor.name == "a":
            raise OSError("the first fault")
        if tensor.name == "b":
            self.begun.set()
            self.go_on.wait(5)
        self.ended.append(tensor.name)
        return torch.zeros(4)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reads]:
    reads = Reads()
    monkeypatch.setattr(engines.loading.reading, "read_tensor", reads)
    monkeypatch.setattr(engines.loading.reading, "safe_open", lambda *args, **kwargs: object())
    yield reads
    reads.go_on.set()


def reader() -> WeightReader:
    return WeightReader(TENSORS, torch.device("cpu"), RecordingWatch())


def test_after_a_fault_nothing_more_is_read(reads: Reads) -> None:
    with pytest.raises(OSError, match="the first fault"), reader() as tensors:
        with pytest.raises(OSError, match="the first fault"):
            tensors.lazy["a"][...]
        tensors.lazy["c"][...]
    assert reads.ended == []


def test_leaving_waits_for_reads_of_other_threads(reads: Reads) -> None:
    tensors = reader()
    thread = threading.Thread(target=lambda: tensors.lazy["b"][...])
    with tensors:
        thread.start()
        assert reads.begun.wait(5)
        threading.Timer(0.1, reads.go_on.set).start()
    assert reads.ended == ["b"]
    thread.join()


def test_a_reader_that_was_left_reads_no_more(reads: Reads) -> None:
    with reader() as tensors:
        late = tensors.lazy["c"]
    with pytest.raises(Stopped):
        late[...]
    assert reads.ended == []
