"""Real captures: the plain step's figures, a cache that moves, other threads at work, bytes that come back.

Run: python -m pytest -m gpu tests/gpu/test_captured_step_on_a_card.py
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from engines.shortage import clear_device_cache
from engines.static_stepping import StaticStepper
from engines.stepping import DecodeRow
from engines.steps.captured_step import CapturedStep
from engines.steps.choice import StepChooser
from engines.steps.modules_step import ModulesStep
from engines.steps.torch_ops import TorchOps
from tests.engines.running_engine import answer_of, open_engine
from tests.engines.tiny_models import make_tiny_adapter, make_tiny_model, tiny_spec
from tests.every_family import tiny_network

DEVICE = torch.device("cuda:0")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
PROMPTS = [[20, 21, 22], [*range(20, 54)], [12, 13, 14, 15] * 6]


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def figures(name: str, *, captured: bool) -> tuple[list[torch.Tensor], StaticStepper]:
    """The logits of every step of rows that join, grow the cache, and leave."""
    network = tiny_network(name).to(DEVICE)
    plain = ModulesStep(network, TorchOps())
    stepper = StaticStepper(network, DEVICE, CapturedStep(plain, DEVICE) if captured else plain)
    rows: dict[DecodeRow, int] = {}
    found = list[torch.Tensor]()
    for turn in range(16):
        if turn % 4 == 0 and turn // 4 < len(PROMPTS):
            prompt = PROMPTS[turn // 4]
            row = stepper.open(100 * 3 ** (turn // 4))
            rows[row] = int(stepper.read(row, prompt).argmax())
            stepper.start(row)
        if turn == 10:
            stepper.close(stepper.running[0])
        logits = stepper.step([rows[row] for row in stepper.running]).clone()
        rows.update(zip(stepper.running, logits.argmax(-1).tolist(), strict=True))
        found.append(logits)
    return found, stepper


@pytest.mark.parametrize("name", ["gpt_neox", "llama", "qwen3", "exaone4"])
def test_a_replay_has_the_bits_of_the_plain_step_while_rows_join_and_the_cache_moves(name: str) -> None:
    found, stepper = figures(name, captured=True)
    expected, _ = figures(name, captured=False)
    assert (stepper.name, stepper.failed) == ("graph", None)
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(found, expected, strict=True))


def test_what_was_captured_comes_back_with_its_stepper() -> None:
    figures("llama", captured=True)
    clear_device_cache(DEVICE)
    before = torch.cuda.memory_reserved(DEVICE)
    stepper = figures("llama", captured=True)[1]  # the logits beside it lie on the card too
    assert stepper.kept_bytes() > 0
    del stepper
    gc.collect()
    clear_device_cache(DEVICE)
    assert torch.cuda.memory_reserved(DEVICE) <= before


def test_a_thread_that_loads_and_frees_does_not_end_a_capture() -> None:
    network = tiny_network("llama").to(DEVICE)
    step = CapturedStep(ModulesStep(network, TorchOps()), DEVICE)
    stepper = StaticStepper(network, DEVICE, step)
    row = stepper.open(100)
    stepper.read(row, PROMPTS[0])
    stepper.start(row)
    done, faults = threading.Event(), list[BaseException]()

    def load() -> None:
        try:
            while not done.is_set():
                some = torch.ones(2**22).to(DEVICE)
                assert bool(torch.isfinite(some.sum()))
                del some
                clear_device_cache(DEVICE)
        except BaseException as fault:  # noqa: BLE001 - shown by the test's own thread
            faults.append(fault)

    loading = threading.Thread(target=load)
    loading.start()
    try:
        for _ in range(6):
            stepper.step([7])
            step.drop()
    finally:
        done.set()
        loading.join()
    assert (step.failed, faults) == (None, [])


def test_a_shortage_in_a_capture_leaves_the_plain_step(monkeypatch: pytest.MonkeyPatch) -> None:
    network = tiny_network("llama").to(DEVICE)
    plain = ModulesStep(network, TorchOps())
    stepper = StaticStepper(network, DEVICE, CapturedStep(plain, DEVICE))
    row = stepper.open(100)
    stepper.read(row, PROMPTS[0])
    stepper.start(row)
    forward = type(network).forward

    def short_in_a_capture(*args: Any, **kwargs: Any) -> Any:
        output = forward(*args, **kwargs)
        if torch.cuda.is_current_stream_capturing():
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return output

    monkeypatch.setattr(network, "forward", short_in_a_capture.__get__(network))
    for _ in range(3):
        assert bool(torch.isfinite(stepper.step([7])).all())
    assert stepper.name == "eager" and "out of memory" in (stepper.failed or "")


def test_an_adapter_and_its_base_have_graphs_of_their_own(tmp_path: Path) -> None:
    whole = make_tiny_model(tmp_path / "base", "gpt_neox", hidden=64, dtype=torch.float32)
    base = tiny_spec(whole, "gpt_neox", id="base", eos_token_ids=[511])
    folder = make_tiny_adapter(tmp_path / "adapter", tmp_path / "base", ["query_key_value", "dense"])
    specs = {
        "base": base,
        "tuned": tiny_spec(folder, id="tuned", adapter={"base": "base"}, eos_token_ids=[511]),
    }
    texts = []
    for wanted in ("eager", "graph"):
        with open_engine(specs, str(DEVICE), choose_step=StepChooser(wanted)) as running:
            lives = [running.ask(name, "수도는?", max_new_tokens=24) for name in ("base", "tuned", "base")]
            texts.append([answer_of(live).text for live in lives])
    assert texts[0] == texts[1] and texts[0][0] != texts[0][1]
