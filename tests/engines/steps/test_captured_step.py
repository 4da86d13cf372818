"""A captured step: what is captured when, which graph goes, and that a failure only costs the speed.

The graphs are scripted: a replay runs on the processor what a card would have recorded.

Run: python -m pytest tests/engines/steps/test_captured_step.py
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor

from engines.devices import ReleaseProof
from engines.static_stepping import StaticStepper
from engines.steps.captured_step import CapturedStep, _CudaGraphs
from engines.steps.modules_step import ModulesStep
from engines.steps.step import StepName
from engines.steps.tables import StepTables
from engines.steps.torch_ops import TorchOps
from tests.engines.test_static_stepping import PROMPTS, Talk, assert_alone
from tests.every_family import tiny_network

CPU = torch.device("cpu")


class ScriptedGraph:
    def __init__(self, run: Callable[[], Tensor], log: list[str], name: str) -> None:
        self._run, self._log, self.name = run, log, name
        self.result = torch.zeros(())
        self.is_reset = False

    def replay(self) -> None:
        self._log.append(f"replay {self.name}")
        self.result.copy_(self._run())

    def reset(self) -> None:
        self._log.append(f"reset {self.name}")
        self.is_reset = True


class ScriptedGraphs:
    """Writes down what it is asked; `problem` is raised by the capture of that number. As with CUDA, a pool
    whose graphs were all reset takes no other."""

    def __init__(self, problem: dict[int, BaseException] | None = None) -> None:
        self.nbytes = 0
        self.log: list[str] = []
        self._made, self._problem = 0, problem or {}
        self._pool: list[ScriptedGraph] = []

    def renew_pool(self) -> None:
        self.nbytes, self._pool = 0, []

    def warmed(self, run: Callable[[], Tensor]) -> Tensor:
        self.log.append("warm")
        return run()

    def captured(self, run: Callable[[], Tensor]) -> tuple[ScriptedGraph, Tensor]:
        self._made += 1
        if self._made in self._problem:
            raise self._problem[self._made]
        if self._pool and all(graph.is_reset for graph in self._pool):
            raise RuntimeError("use_count > 0 INTERNAL ASSERT FAILED")
        self.nbytes += 100
        graph = ScriptedGraph(run, self.log, str(self._made))
        graph.result = run().clone()
        self._pool.append(graph)
        self.log.append(f"capture {self._made}")
        return graph, graph.result


class Shape:
    """A step whose logits say which shape was asked for."""

    name: StepName = "fused"

    def __init__(self, by_address: bool = True) -> None:
        self.by_address = by_address

    def __call__(self, tables: StepTables, rows: int, keys: int) -> Tensor:
        return torch.tensor([rows, keys])


def captured(graphs: ScriptedGraphs, by_address: bool = True) -> tuple[CapturedStep, StepTables]:
    return CapturedStep(Shape(by_address), CPU, graphs), StepTables(1, CPU)


def test_a_shape_runs_plainly_once_and_is_replayed_ever_after() -> None:
    graphs = ScriptedGraphs()
    step, tables = captured(graphs)
    asked = [(1, 1024), (1, 1024), (2, 1024), (1, 2048), (1, 1024), (2, 1024)]
    assert [tuple(step(tables, *shape).tolist()) for shape in asked] == asked
    made = ["warm", "capture 1", "replay 1", "warm", "capture 2", "warm", "capture 3", "replay 1", "replay 2"]
    assert graphs.log == made
    assert (step.name, step.failed, step.nbytes) == ("fused-graph", None, 300)


def test_of_more_than_eight_graphs_the_one_longest_unused_goes() -> None:
    graphs = ScriptedGraphs()
    step, tables = captured(graphs)
    for keys in range(8):
        step(tables, 1, keys)
    step(tables, 1, 0)
    graphs.log.clear()
    step(tables, 1, 8)
    step(tables, 1, 0)
    step(tables, 1, 1)
    assert graphs.log == ["warm", "reset 2", "capture 9", "replay 1", "warm", "reset 3", "capture 10"]


@pytest.mark.parametrize(
    "problem", [torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("not permitted")]
)
def test_a_failed_capture_gives_its_graphs_back_and_the_plain_step_goes_on(problem: Exception) -> None:
    graphs = ScriptedGraphs({2: problem})
    step, tables = captured(graphs)
    asked = [(1, 1024), (2, 1024), (1, 1024), (2, 1024)]
    assert [tuple(step(tables, *shape).tolist()) for shape in asked] == asked
    assert graphs.log == ["warm", "capture 1", "warm", "reset 1"]
    assert step.name == "fused" and str(problem) in (step.failed or "")


def test_a_shortage_before_a_capture_is_the_answers_and_no_reason_to_give_up_graphs() -> None:
    graphs = ScriptedGraphs()
    step, tables = captured(graphs)
    graphs.warmed = raising  # type: ignore[method-assign]
    with pytest.raises(torch.OutOfMemoryError):
        step(tables, 1, 1024)
    assert step.failed is None


def raising(run: Any) -> Any:
    raise torch.OutOfMemoryError("CUDA out of memory.")


@pytest.mark.parametrize("by_address", [True, False])
def test_a_cache_that_moves_leaves_only_the_graphs_that_find_it_by_address(by_address: bool) -> None:
    graphs = ScriptedGraphs()
    step, tables = captured(graphs, by_address)
    step(tables, 1, 1024)
    tables.moved += 1
    graphs.log.clear()
    step(tables, 1, 1024)
    assert graphs.log == (["replay 1"] if by_address else ["reset 1", "warm", "capture 2"])


@pytest.mark.parametrize(("grown", "booked"), [(3 * 2**20, 3 * 2**20), (-5, 0), (9 * 2**30, 64 * 2**20)])
def test_what_the_driver_takes_for_a_graph_is_booked_with_its_pool_until_it_goes(
    monkeypatch: pytest.MonkeyPatch, grown: int, booked: int
) -> None:
    """Of what another process took in the same moment not all is believed."""
    taken = 1000

    class Graph:
        def capture_begin(self, **_: object) -> None:
            nonlocal taken
            taken += grown

        def capture_end(self) -> None: ...

    pools = [{"segment_pool_id": (0, 7), "total_size": 100}, {"segment_pool_id": (0, 0), "total_size": 9}]
    for name, value in {
        "CUDAGraph": Graph,
        "graph_pool_handle": lambda: (0, 7),
        "memory_snapshot": lambda: pools,
        "mem_get_info": lambda _: (2**40 - taken, 2**40),
        "memory_reserved": lambda _: 0,
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(_CudaGraphs, "_own_stream", lambda _: nullcontext())
    graphs = _CudaGraphs(CPU)
    held = [graphs.captured(lambda: torch.zeros(1)) for _ in range(2)]
    assert graphs.nbytes == 100 + 2 * booked
    held.pop()
    assert graphs.nbytes == 100 + booked
    graphs.renew_pool()
    assert graphs.nbytes == 0


@pytest.mark.parametrize(("came_back", "told"), [(0, 50), (30, 80), (9000, 90), (-4, 50)])
def test_the_proof_of_a_release_tells_what_the_driver_gave_back_of_graphs(
    monkeypatch: pytest.MonkeyPatch, came_back: int, told: int
) -> None:
    free, allocated = 1000, 90
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, 2000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 0)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: allocated)
    proof = ReleaseProof(torch.nn.Linear(1, 1), torch.device("cuda"), of_steps=40)
    free, allocated = free + came_back, allocated - 50
    assert proof.returned_bytes() == told


def test_rows_that_join_leave_and_grow_get_the_tokens_they_get_alone() -> None:
    network, graphs = tiny_network("llama"), ScriptedGraphs()
    stepper = StaticStepper(network, CPU, CapturedStep(ModulesStep(network, TorchOps()), CPU, graphs))
    talk = Talk(stepper)
    first, second = (talk.join(prompt) for prompt in PROMPTS[:2])
    talk.step(4)
    stepper.close(first)
    talk.step(3)
    third = talk.join(PROMPTS[2], limit=300)
    talk.step(3)
    assert_alone(talk, dict(zip((first, second, third), PROMPTS, strict=False)))
    assert stepper.name == "graph" and "replay 1" in graphs.log
    assert stepper.kept_bytes() == graphs.nbytes + stepper.tables.nbytes
