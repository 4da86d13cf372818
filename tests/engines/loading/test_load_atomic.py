"""Holds that a load is all or nothing (T9): whichever tensor fails, whenever it is stopped, nothing stays.

Run: python -m pytest tests/engines/loading
"""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

import engines.loading.reading
from engines.loading import LoadedModel, int8_weights, load_model
from engines.steps.int8_linear import quantized
from errors import LoadError, NoRoom, Stopped
from model_registry.reading.headers import StoredTensor, read_header
from tests.engines.load_watch import RecordingWatch
from tests.engines.tiny_models import make_tiny_model, tiny_spec

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("atomic") / "model", hidden=64, layers=1)


class FailingReads:
    """Stands where tensors are read; passes them until the one with this number, and knows what was read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fail_at: int | None = None
        self.error: type[Exception] = OSError
        self.count = 0
        self.read: list[weakref.ref[torch.Tensor]] = []
        self._lock = threading.Lock()
        self._real = engines.loading.reading.read_tensor
        monkeypatch.setattr(engines.loading.reading, "read_tensor", self)

    def __call__(self, file: object, tensor: StoredTensor, device: torch.device) -> torch.Tensor:
        with self._lock:
            self.count += 1
            number = self.count
        if number == self.fail_at:
            raise self.error("a fault of the disk at /secret/place")
        values = self._real(file, tensor, device)
        self.read.append(weakref.ref(values))
        return values

    def alive(self) -> int:
        return sum(1 for reference in self.read if reference() is not None)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> FailingReads:
    return FailingReads(monkeypatch)


@pytest.fixture
def models_alive() -> Iterator[list[weakref.ref[torch.nn.Module]]]:
    """Weak references to every network that is built meanwhile."""
    built: list[weakref.ref[torch.nn.Module]] = []
    from transformers import GPTNeoXForCausalLM

    real = GPTNeoXForCausalLM.__init__

    def remember(self: torch.nn.Module, *args: object, **kwargs: object) -> None:
        built.append(weakref.ref(self))
        real(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GPTNeoXForCausalLM, "__init__", remember)
        yield built


def soon(true: Callable[[], bool]) -> bool:
    """Whether it comes true within a second: transformers lets its reading threads end by themselves."""
    end = time.monotonic() + 1.0
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    return true()


def tensor_bytes() -> int:
    """Bytes of every tensor that lives in this process and was made in the course of the test."""
    gc.collect()
    storages = {}
    for found in gc.get_objects():
        if type(found) in (torch.Tensor, torch.nn.Parameter) and found.device.type == "cpu":
            storages[found.untyped_storage().data_ptr()] = found.untyped_storage().nbytes()
    return sum(storages.values())


def load(folder: Path, quantization: str = "none", watch: RecordingWatch | None = None) -> LoadedModel:
    return load_model(tiny_spec(folder), quantization, CPU, watch or RecordingWatch())


@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_a_fault_at_any_tensor_leaves_nothing(
    folder: Path, quantization: str, reads: FailingReads, models_alive: list[weakref.ref[torch.nn.Module]]
) -> None:
    tensors = len(read_header(folder / "model.safetensors"))
    load(folder, quantization)
    baseline = tensor_bytes()
    threads = threading.active_count()
    kept = []
    for number in range(1, tensors + 1):
        reads.count, reads.fail_at = 0, number
        with pytest.raises(LoadError) as caught:
            load(folder, quantization)
        kept.append(caught.value)
        assert "a fault of the disk at …" in str(caught.value)
        assert soon(lambda: reads.alive() == 0), f"tensors of the load that failed at {number} are held"
        assert not [model for model in models_alive if model() is not None]
    assert tensor_bytes() == baseline
    assert soon(lambda: threading.active_count() <= threads)
    reads.fail_at = None
    assert load(folder, quantization).model is not None


def test_int8_leaves_no_wide_matrix_behind_before_the_next_is_read(
    folder: Path, reads: FailingReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a card would have to hold the model in full width. Embedding, head, norms and biases stay."""
    wide: list[int] = []

    def noting(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        own = weight.untyped_storage().data_ptr()
        held = (tensor() for tensor in reads.read)
        names = [tensor for tensor in held if tensor is not None and tensor.ndim == 2 and len(tensor) != 512]
        wide.append(sum(tensor.untyped_storage().data_ptr() != own for tensor in names))
        return quantized(weight)

    monkeypatch.setattr(int8_weights, "quantized", noting)
    load(folder, "int8")
    assert len(wide) == 4 and sum(wide) == 0


@pytest.mark.parametrize("quantization", ["none", "int8"])
def test_cancelling_at_any_report_leaves_nothing(
    folder: Path, quantization: str, reads: FailingReads, models_alive: list[weakref.ref[torch.nn.Module]]
) -> None:
    watch = RecordingWatch()
    load(folder, quantization, watch)
    for number in range(1, len(watch.reports) + 1):
        with pytest.raises(Stopped):
            load(folder, quantization, RecordingWatch(stop_at=number))
        assert soon(lambda: reads.alive() == 0)
        assert not [model for model in models_alive if model() is not None]


def test_a_file_that_vanishes_midway_is_an_error_not_a_hang(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*args: object, **kwargs: object) -> None:
        raise FileNotFoundError("model.safetensors")

    monkeypatch.setattr(engines.loading.reading, "safe_open", gone)
    with pytest.raises(LoadError, match="could not be loaded: model.safetensors"):
        load(folder)


def test_cancelling_early_reads_little_more(folder: Path, reads: FailingReads) -> None:
    with pytest.raises(Stopped):
        load(folder, watch=RecordingWatch(stop_at=2))
    assert reads.count < len(read_header(folder / "model.safetensors")) / 2


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError])
def test_memory_that_runs_out_is_said_as_such(
    folder: Path, reads: FailingReads, error: type[Exception]
) -> None:
    reads.fail_at, reads.error = 5, error
    with pytest.raises(NoRoom, match="Memory ran out while loading tiny"):
        load(folder)
    assert soon(lambda: reads.alive() == 0)


def test_the_error_holds_no_frame_of_the_load(folder: Path, reads: FailingReads) -> None:
    reads.fail_at = 9
    with pytest.raises(LoadError) as caught:
        load(folder)
    assert caught.value.__cause__ is None and caught.value.__context__ is None


def test_a_loaded_model_does_not_depend_on_its_file(folder: Path, tmp_path: Path) -> None:
    import shutil

    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    loaded = load(copy)
    before = {name: value.clone() for name, value in loaded.model.state_dict().items()}
    data = (copy / "model.safetensors").read_bytes()
    with (copy / "model.safetensors").open("r+b") as file:
        file.seek(len(data) // 2)
        file.write(b"\0" * (len(data) // 2))
    assert all(torch.equal(value, before[name]) for name, value in loaded.model.state_dict().items())


def test_loading_and_dropping_many_times_keeps_nothing(
    folder: Path, models_alive: list[weakref.ref[torch.nn.Module]]
) -> None:
    load(folder)
    baseline = tensor_bytes()
    for _ in range(10):
        load(folder)
    assert tensor_bytes() == baseline
    assert not [model for model in models_alive if model() is not None]
