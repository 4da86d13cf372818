"""Weights that leave and come back are the same objects with the same bits, whatever shares or views them.

Run: python -m pytest tests/engines/test_host_copy.py
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from engines import host_copy
from engines.devices import ReleaseProof, network_bytes, own_tensors_of
from engines.host_copy import HostCopy
from tests.engines.parked_engine import CountedMemory


class Shared(nn.Module):
    """Tied weights, views with offsets and strides, buffers, and what a quantized weight keeps beside it."""

    def __init__(self) -> None:
        super().__init__()
        flat = torch.randn(600)
        self.embedding = nn.Embedding(30, 8)
        self.head = nn.Linear(8, 30, bias=False)
        self.head.weight = self.embedding.weight
        self.above = nn.Parameter(flat[40:100].view(6, 10))
        self.below = nn.Parameter(flat[100:400].view(10, 30).T)
        self.register_buffer("before", flat[:40])
        self.register_buffer("angles", torch.randn(7), persistent=False)
        self.register_buffer("none", torch.empty(0))
        with torch.inference_mode():  # as an adapter is attached on the decode loop's thread
            self.tuned = nn.Parameter(torch.randn(3, 5, dtype=torch.bfloat16), requires_grad=False)
        self.codes = torch.arange(16.0)
        packed = nn.Parameter(torch.randint(0, 255, (64, 1), dtype=torch.uint8), requires_grad=False)
        packed.quant_state = SimpleNamespace(absmax=torch.rand(8), code=self.codes, state2=None)  # type: ignore[attr-defined]
        self.packed = packed

    def figures(self) -> list[torch.Tensor]:
        beside: Any = self.packed
        tensors = (*self.parameters(), *self.buffers(), beside.quant_state.absmax, self.codes)
        return [tensor.detach().clone() for tensor in tensors]


def same(network: Shared, figures: list[torch.Tensor]) -> bool:
    return all(torch.equal(*pair) for pair in zip(network.figures(), figures, strict=True))


@pytest.fixture
def network() -> Shared:
    torch.manual_seed(0)
    return Shared()


@pytest.fixture
def memory() -> CountedMemory:
    return CountedMemory()


@pytest.mark.parametrize("block", [2**28, 300])
def test_whatever_shares_or_views_a_storage_is_the_same_object_with_the_same_bits_afterwards(
    network: Shared, memory: CountedMemory, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(host_copy, "_BLOCK", block)
    figures, objects, whole = network.figures(), list(network.parameters()), network_bytes(network)
    views = [(each.stride(), each.storage_offset()) for each in objects]
    copy = HostCopy(memory)
    for _ in range(3):
        proof = ReleaseProof(network, torch.device("cpu"))
        copy.take_in(own_tensors_of(network))
        copy.leave_device()
        assert proof.returned_bytes() == whole - network.codes.nbytes == whole - 64
        copy.come_back(lambda share: None)
        assert same(network, figures)
    assert (memory.taken, memory.nbytes) == (len(copy._blocks), copy.nbytes)
    assert (len(copy._blocks) > 1) == (block == 300)
    assert all(now is before for now, before in zip(network.parameters(), objects, strict=True))
    assert [(each.stride(), each.storage_offset()) for each in network.parameters()] == views
    assert network.head.weight.data_ptr() == network.embedding.weight.data_ptr()
    copy.free()
    assert memory.out == {} and same(network, figures)


def test_a_table_that_other_networks_share_stays_where_it_is(network: Shared, memory: CountedMemory) -> None:
    copy = HostCopy(memory)
    copy.take_in(own_tensors_of(network))
    copy.leave_device()
    assert torch.equal(network.codes, torch.arange(16.0))


def test_weights_are_copied_once_and_buffers_each_time(network: Shared, memory: CountedMemory) -> None:
    copy = HostCopy(memory)
    copy.take_in(own_tensors_of(network))
    for name in ("angles", "before"):  # of its own, and in a storage that weights lie in too
        network.get_buffer(name).fill_(5)
    network.late = nn.Parameter(torch.full((4, 4), 3.0))
    assert copy.lacking(own_tensors_of(network)) == 512
    copy.take_in(own_tensors_of(network))
    assert memory.taken == 2 and copy.lacking(own_tensors_of(network)) == 0
    figures = network.figures()
    copy.leave_device()
    copy.come_back(lambda share: None)
    assert same(network, figures)
    assert network.get_buffer("angles").eq(5).all() and network.get_buffer("before").eq(5).all()


def test_where_the_host_has_no_more_memory_nothing_has_changed(
    network: Shared, memory: CountedMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_copy, "_BLOCK", 300)
    figures, copy = network.figures(), HostCopy(memory)
    blocks = len(copy._blocks_for(own_tensors_of(network)))
    for fails_at in range(blocks):
        memory.taken, memory.fails_at = 0, fails_at
        with pytest.raises(MemoryError):
            copy.take_in(own_tensors_of(network))
        assert (memory.out, copy.nbytes) == ({}, 0) and same(network, figures)


def test_one_who_is_stopped_on_the_way_back_is_where_it_was(
    network: Shared, memory: CountedMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_copy, "_BLOCK", 300)
    figures, copy = network.figures(), HostCopy(memory)
    copy.take_in(own_tensors_of(network))
    copy.leave_device()
    shares: list[float] = []

    def stop_late(share: float) -> None:
        shares.append(share)
        if share > 0.5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        copy.come_back(stop_late)
    assert network_bytes(network) == network.codes.nbytes and 0.5 < shares[-1] < 1
    copy.come_back(lambda share: None)
    assert same(network, figures)


def test_memory_that_is_not_torchs_own_is_not_parked(network: Shared, memory: CountedMemory) -> None:
    network.mapped = nn.Parameter(torch.frombuffer(bytearray(16), dtype=torch.float32))
    with pytest.raises(RuntimeError, match="not torch's own"):
        HostCopy(memory).take_in(own_tensors_of(network))
    assert memory.out == {}
