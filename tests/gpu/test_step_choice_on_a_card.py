"""Each model proves its step on the card it meets; what cannot be proven there gives way, and is said.

Run: python -m pytest -m gpu tests/gpu/test_step_choice_on_a_card.py
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from engines.memory import StepChoice
from engines.steps.choice import StepChooser
from engines.steps.proofs import StepProofs
from model_registry.spec import ModelSpec
from tests.engines.running_engine import open_engine
from tests.engines.tiny_models import Kind, make_tiny_adapter, make_tiny_model, tiny_spec

DEVICE = "cuda:0"
HAS_KERNELS = importlib.util.find_spec("triton") is not None and any(
    map(shutil.which, ("gcc", "clang", "cc"))
)
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
KINDS: tuple[Kind, ...] = ("gpt_neox", "llama", "qwen3", "exaone4")


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelSpec]:
    root = tmp_path_factory.mktemp("models")
    made: dict[str, ModelSpec] = {
        kind: tiny_spec(
            make_tiny_model(root / kind, kind, seed=seed, hidden=128), kind, id=kind, eos_token_ids=[511]
        )
        for seed, kind in enumerate((*KINDS, "rwkv"))
    }
    adapter = make_tiny_adapter(root / "adapter", root / "gpt_neox", ["query_key_value", "dense"])
    return {
        **made,
        "tuned": tiny_spec(adapter, id="tuned", adapter={"base": "gpt_neox"}, eos_token_ids=[511]),
    }


def chosen(
    specs: dict[str, ModelSpec], model_id: str, choose: StepChooser | None = None, form: str = "none"
) -> tuple[StepChoice, str | None]:
    """What the loaded model shows, and what an answer of it says."""
    with open_engine(specs, DEVICE, choose_step=choose) as running:
        answer = running.answer(model_id, "하늘은 왜 파란가요?", max_new_tokens=8, quantization=form)
        return running.view().residents[0].step, answer.measures.step


@pytest.mark.parametrize(("kind", "form"), [*((kind, "none") for kind in KINDS), ("gpt_neox", "int8")])
def test_each_family_is_stepped_in_the_fastest_way(specs: dict[str, ModelSpec], kind: str, form: str) -> None:
    choice, step = chosen(specs, kind, form=form)
    assert choice.name == ("fused-graph" if HAS_KERNELS else "graph"), [str(each) for each in choice.reasons]
    assert step == choice.in_short()


def test_rwkv_and_adapters_keep_to_the_modules_and_say_so(specs: dict[str, ModelSpec]) -> None:
    assert chosen(specs, "rwkv")[1] == "eager: step-family-not-proven"
    for form in ("none", "int8"):  # whose layers are made wide within a captured step
        assert chosen(specs, "tuned", form=form)[1] == "graph: step-with-adapter"


@pytest.mark.parametrize("wanted", ["eager", "graph", "fused"])
def test_the_step_that_is_named_answers(specs: dict[str, ModelSpec], wanted: str) -> None:
    name = {"fused": "fused-graph" if HAS_KERNELS else "graph"}.get(wanted, wanted)
    assert chosen(specs, "llama", StepChooser(wanted))[0].name == name


def broken_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    from engines.steps.triton_ops import TritonOps

    right = TritonOps.gated
    monkeypatch.setattr(TritonOps, "gated", lambda *given: right(*given) * 1.5)


def no_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no graph today")

    monkeypatch.setattr(torch.cuda.CUDAGraph, "capture_begin", refuse)


@pytest.mark.skipif(not HAS_KERNELS, reason="needs Triton and a C compiler")
@pytest.mark.parametrize(
    ("breaks", "name", "code"),
    [(broken_kernel, "graph", "step-unequal"), (no_capture, "fused", "step-capture-failed")],
)
def test_what_breaks_on_the_card_gives_way(
    specs: dict[str, ModelSpec],
    breaks: Callable[[pytest.MonkeyPatch], None],
    name: str,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    breaks(monkeypatch)
    choice, step = chosen(specs, "llama")
    assert (choice.name, [each.code for each in choice.reasons]) == (name, [code])
    assert step == f"{name}: {code}"


def test_a_load_after_the_first_takes_what_was_proven(specs: dict[str, ModelSpec], tmp_path: Path) -> None:
    path = tmp_path / "steps.json"
    first = chosen(specs, "qwen3", StepChooser(proofs=StepProofs(path)))[0]
    held = path.read_text(encoding="utf-8")
    again = chosen(specs, "qwen3", StepChooser(proofs=StepProofs(path)))[0]
    assert again.name == first.name and path.read_text(encoding="utf-8") == held
