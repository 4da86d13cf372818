"""A step by tables: rows keep their slots, a cache that moves is followed, and few operations are launched.

Run: python -m pytest tests/engines/test_static_stepping.py
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from engines.memory_books import MemoryBooks
from engines.resident_figures import ResidentFigures, ResidentKey
from engines.slot_cache import SlotLayer
from engines.static_stepping import StaticStepper
from engines.stepping import DecodeRow
from engines.steps.modules_step import ModulesStep
from engines.steps.ops import Heads
from engines.steps.tables import StepTables
from engines.steps.torch_ops import TorchOps
from tests.every_family import tiny_network

CPU = torch.device("cpu")
PROMPTS = [[20, 21, 22], [*range(20, 54)], [12, 13, 14, 15] * 6, [40, 41]]


@pytest.fixture(scope="module")
def network() -> Any:
    return tiny_network("llama")


@pytest.fixture
def stepper(network: Any) -> StaticStepper:
    return StaticStepper(network, CPU, ModulesStep(network, TorchOps()))


class Talk:
    """Greedy answers to prompts of one stepper, each begun and ended by hand."""

    def __init__(self, stepper: StaticStepper) -> None:
        self.stepper = stepper
        self.tokens: dict[DecodeRow, list[int]] = {}

    @torch.inference_mode()
    def join(self, prompt: list[int], limit: int = 100) -> DecodeRow:
        row = self.stepper.open(limit)
        self.tokens[row] = [int(self.stepper.read(row, prompt).argmax())]
        self.stepper.start(row)
        return row

    @torch.inference_mode()
    def step(self, times: int = 1) -> None:
        for _ in range(times):
            logits = self.stepper.step([self.tokens[row][-1] for row in self.stepper.running])
            for row, token in zip(self.stepper.running, logits.argmax(-1).tolist(), strict=True):
                self.tokens[row].append(token)


def alone(network: Any, prompt: list[int], count: int) -> list[int]:
    talk = Talk(StaticStepper(network, CPU, ModulesStep(network, TorchOps())))
    row = talk.join(prompt)
    talk.step(count - 1)
    return talk.tokens[row]


def assert_alone(talk: Talk, prompts: dict[DecodeRow, list[int]]) -> None:
    for row, prompt in prompts.items():
        assert talk.tokens[row] == alone(talk.stepper._model, prompt, len(talk.tokens[row]))


def test_a_row_keeps_its_slot_and_the_next_takes_the_first_that_is_free(
    stepper: StaticStepper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SlotLayer, "move", None)
    talk = Talk(stepper)
    first, second, third = (talk.join(prompt) for prompt in PROMPTS[:3])
    talk.step(2)
    stepper.close(first)
    talk.step(2)
    fourth = talk.join(PROMPTS[3])
    assert [row.slot for row in (second, third, fourth)] == [1, 2, 0]
    talk.step(3)
    assert_alone(talk, dict(zip((first, second, third, fourth), PROMPTS, strict=True)))
    for row in (second, third, fourth):
        stepper.close(row)
    assert stepper.cache_bytes() == 0


def test_a_cache_that_grows_between_steps_is_followed(stepper: StaticStepper) -> None:
    talk = Talk(stepper)
    first = talk.join(PROMPTS[0])
    talk.step(2)
    before = stepper.tables.addresses.clone()
    second = talk.join(PROMPTS[1], limit=300)
    talk.step(3)
    keys, values = stepper.tables.layer(1)
    assert stepper.tables.addresses[1].tolist() == [keys.data_ptr(), values.data_ptr()] != before[1].tolist()
    assert stepper.tables.strides[1].tolist() == list(keys.stride()[:2])
    assert_alone(talk, {first: PROMPTS[0], second: PROMPTS[1]})


def test_a_cache_that_cannot_grow_whole_leaves_the_rows_that_run(
    stepper: StaticStepper, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = Talk(stepper)
    first = talk.join(PROMPTS[0])
    grown, calls = SlotLayer._grown, list[int]()

    def short_of_memory(layer: SlotLayer, store: Tensor) -> Tensor:
        calls.append(1)
        if len(calls) == 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return grown(layer, store)

    with monkeypatch.context() as patched:
        patched.setattr(SlotLayer, "_grown", short_of_memory)
        with pytest.raises(torch.OutOfMemoryError):
            stepper.open(600)
    assert stepper.tables.strides[0].tolist() != stepper.tables.strides[1].tolist()
    talk.step(2)
    stepper.trim()
    second = talk.join(PROMPTS[1])
    talk.step(2)
    assert_alone(talk, {first: PROMPTS[0], second: PROMPTS[1]})


def test_after_a_shortage_rows_move_together_and_give_back_what_none_needs(stepper: StaticStepper) -> None:
    talk = Talk(stepper)
    rows = [talk.join(prompt) for prompt in PROMPTS]
    talk.step()
    held = stepper.cache_bytes()
    for row in rows[:2]:
        stepper.close(row)
    with torch.inference_mode():
        stepper.trim()
    talk.step(2)
    assert stepper.cache_bytes() == held // 2
    assert_alone(talk, dict(zip(rows[2:], PROMPTS[2:], strict=True)))


def test_more_rows_than_the_tables_hold_are_stepped_in_parts(stepper: StaticStepper) -> None:
    stepper.tables = StepTables(2, CPU, most_rows=2)
    talk = Talk(stepper)
    rows = [talk.join(prompt) for prompt in PROMPTS[:3]]
    talk.step(2)
    assert_alone(talk, dict(zip(rows, PROMPTS[:3], strict=True)))


class _Counting(TorchDispatchMode):
    """Counts what would be launched: every operation that is no view."""

    launched = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.launched += not func.is_view
        return func(*args, **(kwargs or {}))


class _OneLaunch(TorchOps):
    """Attention as a kernel is: one launch."""

    def attend(self, mixed: Tensor, heads: Heads, layer: int, tables: StepTables, keys: int) -> Tensor:
        return mixed.new_empty(len(mixed), heads.queries * heads.size)


def launches(name: str, layers: int) -> int:
    changes: dict[str, Any] = {"num_hidden_layers": layers}
    if name in ("qwen3", "exaone4"):
        changes["layer_types"] = ["full_attention", "sliding_attention"] * (layers // 2)
    network = tiny_network(name, **changes).to(torch.bfloat16)
    step = ModulesStep(network, _OneLaunch())
    stepper = StaticStepper(network, CPU, step)
    Talk(stepper).join(PROMPTS[0])
    with torch.inference_mode(), _Counting() as counted:
        step(stepper.tables, 1, 1024)
    return counted.launched


@pytest.mark.parametrize(
    ("name", "budget"), [("gpt_neox", 25), ("llama", 35), ("qwen3", 47), ("exaone4", 42)]
)
def test_a_layer_launches_no_more_than_its_budget(name: str, budget: int) -> None:
    """With the attention as one kernel."""
    assert (launches(name, 4) - launches(name, 2)) / 2 <= budget


def test_what_a_step_keeps_between_questions_counts_in_the_books(network: Any) -> None:
    """Tables and graphs stay when no row runs, so they count beside weights and cache."""
    stepper = StaticStepper(network, CPU, ModulesStep(network, TorchOps()))
    assert stepper.kept_bytes() == stepper.tables.nbytes > 0

    class Kept(ResidentFigures):
        step_bytes = 30

    books = MemoryBooks[Kept](100, lambda resident, for_others: ("release", 0))
    assert books.enter(Kept(ResidentKey("m", "none"), 0.0, weight_bytes=50))
    view = books.view("cpu", 0, 0)
    assert (view.used, view.residents[0].step_bytes) == (80, 30)
    assert not books.enter(Kept(ResidentKey("n", "none"), 0.0))
