"""Every family of transformers either learns packed rows as it learns them alone, or is found out beforehand.

Run: python -m pytest tests/finetune/training/test_packing_probe.py
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from errors import AS_WRITTEN, Stopped
from finetune.examples import TokenRow
from finetune.sft_settings import SftSettings
from finetune.tokens.blocks import Block
from finetune.tokens.dataset import Collator
from finetune.training import packing_probe
from finetune.training.packing_probe import CANNOT, MOVED, SEES, batching_of, why_not_packed
from tests.every_family import NETWORKS, VOCABULARY, tiny_network

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
"""Said while transformers imports gpt_bigcode."""

NAMED = {
    *("gpt_oss", "bloom", "lfm2", "qwen3_5_text", "qwen3_next", "falcon_h1", "granitemoehybrid", "mamba"),
    *("mamba2", "opt", "mpt", "falcon, alibi", "llama4_text"),
}
"""Seen in trainings to learn something else when packed."""
KEEPS_APART = {"gpt_neox", "llama", "llama, longrope", "qwen3", "gemma3_text", "exaone4", "mixtral", "olmoe"}
LENGTHS = (11, 7, 18, 9)
LONGEST = 30


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def some_rows() -> list[TokenRow]:
    draw = torch.Generator().manual_seed(1)
    return [
        TokenRow(tuple(torch.randint(3, VOCABULARY, (n,), generator=draw).tolist()), (True,) * n, f"{n}")
        for n in LENGTHS
    ]


def found(network: Any, **more: Any) -> str | None:
    asked = {"lines": 2, "compute": torch.float32, "pad_id": 0, **more}
    return why_not_packed(network, some_rows(), LONGEST, **asked)


def gradients(network: PreTrainedModel) -> Tensor:
    kept = [value.grad for value in network.parameters() if value.grad is not None]
    whole = torch.cat([value.flatten() for value in kept]).clone()
    network.zero_grad()
    return whole


def alone(network: PreTrainedModel, rows: Sequence[TokenRow]) -> Tensor:
    """By nothing of ours: a row at a time, its loss by transformers' own words."""
    for row in rows:
        ids = torch.tensor([row.ids])
        logits = network(input_ids=ids, use_cache=False).logits
        torch.nn.functional.cross_entropy(logits[0, :-1].float(), ids[0, 1:], reduction="sum").backward()
    return gradients(network)


def packed(network: PreTrainedModel, rows: Sequence[TokenRow]) -> Tensor:
    batch = Collator(0)([Block(tuple(rows[:2])).line, Block(tuple(rows[2:])).line])
    labels = batch.pop("labels")[:, 1:]
    logits = network(**batch, use_cache=False).logits[:, :-1].float()
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").backward()
    return gradients(network)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_learns_packed_rows_as_it_learns_them_alone_or_is_found_out(name: str) -> None:
    network = tiny_network(name)
    why = found(network)
    assert not network.training
    if why is not None:
        assert why in (SEES, MOVED, CANNOT) and name not in KEEPS_APART
        return
    assert name not in NAMED
    apart, together = alone(network, some_rows()), packed(network, some_rows())
    assert (apart - together).norm() <= 1e-4 * apart.norm()


@pytest.mark.parametrize("name", [*sorted(NAMED), *sorted(KEEPS_APART)])
def test_16_bits_hide_no_leak_and_make_none(name: str) -> None:
    network = tiny_network(name).bfloat16()
    assert (found(network, compute=torch.bfloat16) is None) is (name in KEEPS_APART)


@pytest.mark.parametrize("name", sorted(NAMED))
def test_what_is_found_out_does_change_what_is_learned(name: str) -> None:
    network = tiny_network(name)
    apart, together = alone(network, some_rows()), packed(network, some_rows())
    assert (apart - together).norm() > 0.01 * apart.norm()


@pytest.mark.parametrize("name", ["lfm2", "gpt_oss", "llama"])
def test_a_small_leak_beside_much_dropout_is_seen(name: str) -> None:
    """Weights as a network begins with, which hardly look at their neighbors, and chance in every layer."""
    network = tiny_network(name, attention_dropout=0.5)
    with torch.no_grad():
        for value in network.parameters():
            if value.ndim >= 2:
                value.mul_(0.1)
    assert found(network) == (None if name == "llama" else SEES)


def test_chance_and_weights_stay_as_they_were() -> None:
    network = tiny_network("gpt2").train()
    torch.manual_seed(7)
    np.random.seed(7)
    before = torch.get_rng_state(), random.getstate()
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    assert found(network) is None
    assert network.training
    assert torch.equal(torch.get_rng_state(), before[0]) and random.getstate() == before[1]
    drawn = np.random.random()
    np.random.seed(7)
    assert np.random.random() == drawn
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())


def test_a_network_that_cannot_read_packed_rows_is_no_fault_but_no_room_is() -> None:
    class Broken(torch.nn.Module):
        def __init__(self, error: Exception) -> None:
            super().__init__()
            self.weight, self.error = torch.nn.Parameter(torch.zeros(1)), error

        def forward(self, **inputs: Any) -> Any:
            raise self.error

    for error in (TypeError("position_ids"), RuntimeError("shapes"), AttributeError("logits")):
        assert found(Broken(error)) == CANNOT
    with pytest.raises(torch.OutOfMemoryError):
        found(Broken(torch.OutOfMemoryError("no room")))


def test_a_wish_to_stop_is_heard() -> None:
    def check() -> None:
        raise Stopped(AS_WRITTEN, sentence="Stopped.")

    with pytest.raises(Stopped):
        found(tiny_network("llama"), check=check)


def test_kernels_that_round_by_their_neighbors_are_no_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    """As LLM.int8 does: what is an outlier is looked for in the whole batch."""
    network: Any = tiny_network("llama")
    head = network.lm_head.forward

    def rounded(hidden: Tensor) -> Tensor:
        step = hidden.abs().mean() / 100
        return head((hidden / step).round() * step)

    monkeypatch.setattr(network.lm_head, "forward", rounded)
    assert found(network) is None
    monkeypatch.setattr(packing_probe, "_MOST", 0.0)
    assert found(network) == SEES


def decided(name: str, begun: dict[str, Any] | None = None, **changes: Any) -> tuple[str, str | None]:
    learner: Any = SimpleNamespace(
        network=tiny_network(name), recurrent=False, compute=torch.float32, pad_id=0
    )
    settings = SftSettings(**{"max_tokens": LONGEST, "batching": "packed", **changes})
    return batching_of(learner, some_rows(), settings, begun or {}, lambda: None)


def test_a_network_that_leaks_learns_rows_of_like_length() -> None:
    assert decided("llama") == ("packed", None)
    assert decided("lfm2") == ("by-length", SEES)
    assert decided("llama4_text") == ("by-length", MOVED)
    assert decided("lfm2", batching="plain") == ("plain", None)
    assert decided("lfm2", max_tokens=15) == ("packed", None), "no two rows share a block"


def test_a_run_that_goes_on_keeps_what_was_decided() -> None:
    assert decided("lfm2", {"batching": "packed"}) == ("packed", None)
    assert decided("llama", {"batching": "by-length", "unpacked": SEES}) == ("by-length", SEES)
