"""Which step a model gets, and why: every fallback with played steps, and real ones on the processor.

Run: python -m pytest tests/engines/steps/test_step_choice.py
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from engines.families import stepper_for
from engines.memory import StepChoice
from engines.stepping import Stepper
from engines.steps import proofs
from engines.steps.choice import StepChooser
from engines.steps.proofs import StepProofs
from engines.steps.step import StepName
from engines.steps.torch_ops import TorchOps
from errors import StepRefused
from tests.engines.steps.scripted_steps import CARD, Played, ScriptedCard, ScriptedStepper, network
from tests.engines.tiny_models import Kind, make_tiny_model

CPU = torch.device("cpu")
KINDS: tuple[Kind, ...] = ("gpt_neox", "llama", "qwen3", "exaone4")


def codes(choice: StepChoice) -> tuple[str, list[str]]:
    return choice.name, [cause.code for cause in choice.reasons]


def failing(error: Exception) -> Callable[[], Played]:
    return lambda: error


def off(share: float) -> Callable[[], Played]:
    return lambda: ScriptedStepper(off=share)


FAR = off(0.3)


def no_graph() -> ScriptedStepper:
    return ScriptedStepper(failed="CUDA error: operation not permitted")


NO_TRITON = failing(ModuleNotFoundError("No module named 'triton'", name="triton"))
NO_COMPILER = failing(RuntimeError("Failed to find C compiler. Please specify via CC environment variable"))
UNKNOWN = failing(StepRefused("step-network-unknown", kind="rwkv"))


@pytest.mark.parametrize(
    ("card", "chosen", "why"),
    [
        (ScriptedCard(), "fused-graph", ["step-proven"]),
        (ScriptedCard(fused_graph=off(0.01)), "fused-graph", ["step-proven"]),
        (ScriptedCard(fused_graph=FAR), "graph", ["step-unequal"]),
        (ScriptedCard(fused_graph=off(float("nan"))), "graph", ["step-no-numbers"]),
        (ScriptedCard(fused_graph=NO_TRITON), "graph", ["step-library-missing"]),
        (ScriptedCard(fused_graph=NO_COMPILER), "graph", ["step-no-compiler"]),
        (ScriptedCard(fused_graph=failing(ValueError("odd"))), "graph", ["step-broke"]),
        (ScriptedCard(fused_graph=failing(torch.OutOfMemoryError("full"))), "graph", ["step-no-memory"]),
        (ScriptedCard(fused_graph=UNKNOWN, graph=UNKNOWN), "eager", ["step-network-unknown"]),
        (ScriptedCard(fused_graph=no_graph), "fused", ["step-capture-failed"]),
        (
            ScriptedCard(fused_graph=no_graph, fused=off(0.3)),
            "eager",
            ["step-capture-failed", "step-unequal"],
        ),
        (
            ScriptedCard(fused_graph=off(0.3), graph=no_graph),
            "eager",
            ["step-unequal", "step-capture-failed"],
        ),
        (ScriptedCard(fused_graph=off(0.3), graph=off(0.3)), "eager", ["step-unequal", "step-unequal"]),
    ],
)
def test_what_cannot_be_proven_gives_way_to_the_next_simpler_step(
    card: ScriptedCard, chosen: str, why: list[str]
) -> None:
    choice = StepChooser(build=card)(network(), CARD)
    assert codes(choice) == (chosen, why)
    assert card.built.count("eager") <= 1, "the eager step answers once for all"


def test_an_eager_step_that_breaks_refuses_every_other() -> None:
    card = ScriptedCard(eager=failing(ValueError("odd")))
    assert codes(StepChooser(build=card)(network(), CARD)) == ("eager", ["step-broke", "step-broke"])


@pytest.mark.parametrize(
    ("wanted", "quantization", "adapter", "chosen", "why"),
    [
        ("auto", "nf4", False, "graph", ["step-quantized"]),
        ("auto", "int8", False, "fused-graph", ["step-proven"]),
        ("auto", "none", True, "graph", ["step-with-adapter"]),
        ("fused", "none", True, "graph", ["step-with-adapter"]),
        ("eager", "none", False, "eager", ["step-named"]),
        ("graph", "none", False, "graph", ["step-named"]),
        ("fused", "none", False, "fused-graph", ["step-named"]),
    ],
)
def test_quantized_weights_adapters_and_the_setting_rule_steps_out(
    wanted: str, quantization: str, adapter: bool, chosen: str, why: list[str]
) -> None:
    choose = StepChooser(wanted, build=ScriptedCard())
    assert codes(choose(network(), CARD, quantization, adapter)) == (chosen, why)


def test_a_step_that_is_named_is_used_though_it_differs_but_not_where_it_makes_no_numbers() -> None:
    named = StepChooser("fused", build=ScriptedCard(fused_graph=FAR))(network(), CARD)
    assert codes(named) == ("fused-graph", ["step-named-unequal"])
    broken = StepChooser("fused", build=ScriptedCard(fused_graph=off(float("nan"))))(network(), CARD)
    assert codes(broken) == ("graph", ["step-no-numbers"])


@pytest.mark.parametrize(
    ("how", "chosen", "why"),
    [
        ({}, "fused", ["step-in-torch"]),
        ({"adapter": True}, "eager", ["step-with-adapter"]),
        ({"quantization": "nf4"}, "eager", ["step-quantized"]),
    ],
)
def test_the_processor_takes_the_fused_step_without_a_trial(
    how: dict[str, Any], chosen: str, why: list[str]
) -> None:
    card = ScriptedCard()
    assert codes(StepChooser(build=card)(network(), CPU, **how)) == (chosen, why)
    assert card.built == ["fused"] * (chosen == "fused")  # no eager one to be held against


def test_the_processor_takes_the_eager_step_of_a_network_that_the_fused_one_cannot_read() -> None:
    def build(model: Any, device: torch.device, name: StepName) -> Stepper:
        raise StepRefused("step-network-unknown", kind="rwkv")

    assert codes(StepChooser(build=build)(network(), CPU)) == ("eager", ["step-network-unknown"])


def test_the_processor_captures_nothing() -> None:
    card = ScriptedCard()
    assert codes(StepChooser("graph", build=card)(network(), CPU)) == ("eager", ["step-on-processor"])
    assert card.built == []
    assert codes(StepChooser("fused", build=card)(network(), CPU)) == ("fused", ["step-on-processor"])


@pytest.mark.parametrize("name", ["graph", "fused-graph"])
def test_a_graph_on_the_processor_is_refused_by_whoever_builds_it(
    networks: dict[str, Any], name: StepName
) -> None:
    with pytest.raises(StepRefused) as refused:
        stepper_for(networks["llama"], CPU, name)
    assert refused.value.cause.code == "step-on-processor"


def test_what_was_proven_is_looked_at_in_short_and_what_was_refused_not_at_all(tmp_path: Path) -> None:
    proofs = StepProofs(tmp_path / "home" / "steps.json")
    steppers: list[ScriptedStepper] = []

    def counted() -> Played:
        steppers.append(ScriptedStepper(off=0.3 if len(steppers) == 0 else 0.0))
        return steppers[-1]

    def choose(**shape: int) -> tuple[str, list[str]]:
        built = ScriptedCard(fused_graph=counted, graph=counted)
        return codes(
            StepChooser(proofs=StepProofs(tmp_path / "home" / "steps.json"), build=built)(
                network(**shape), CARD
            )
        )

    assert choose() == choose() == ("graph", ["step-unequal"])
    assert [stepper.steps for stepper in steppers] == [36, 36, 8]
    assert choose(hidden_size=65) == ("fused-graph", ["step-proven"]), "another shape is proven anew"
    assert proofs.of("unknown") is None


def test_a_proof_is_of_card_versions_code_shape_type_and_step_but_not_of_where_the_model_lies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    card, code, version = "H100", "a", "1"
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: card)
    monkeypatch.setattr(proofs, "_code", lambda: code)
    monkeypatch.setattr(proofs, "version_of", lambda name: version if name == "triton" else "1")
    on_card, model, half = torch.device("cuda"), network(), network()
    half.dtype = torch.float16

    def key(model: Any = model, quantization: str = "none", step: StepName = "graph") -> str:
        return proofs.proof_key(model, on_card, quantization, step)

    assert key() == key(network(_name_or_path="/elsewhere"))
    keys = [key(), key(half), key(network(hidden_size=65)), key(quantization="nf4"), key(step="fused")]
    card = "H200"
    keys.append(key())
    code = "b"
    keys.append(key())
    version = "2"
    keys.append(key())
    assert len(set(keys)) == 8


def test_without_a_file_what_was_proven_is_known_as_long_as_the_process_lives() -> None:
    steppers: list[ScriptedStepper] = []

    def counted() -> Played:
        steppers.append(ScriptedStepper())
        return steppers[-1]

    choose = StepChooser(build=ScriptedCard(fused_graph=counted))
    assert choose(network(), CARD) == choose(network(), CARD)
    assert [stepper.steps for stepper in steppers] == [36, 8]


@pytest.mark.parametrize("held", ["", "[]", "{", '{"a": 3}', '{"a": {"difference": 0.1}}', "\0"])
def test_a_broken_file_of_proofs_is_ignored_and_written_anew(tmp_path: Path, held: str) -> None:
    path = tmp_path / "steps.json"
    path.write_text(held, encoding="utf-8")
    choose = StepChooser(proofs=StepProofs(path), build=ScriptedCard())
    assert choose(network(), CARD).name == "fused-graph"
    assert any("fused-graph" in key and StepProofs(path).of(key) for key in StepProofs(path)._read())


def test_proofs_that_cannot_be_written_cost_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    proofs = StepProofs(tmp_path / "home" / "steps.json")
    assert StepChooser(proofs=proofs, build=ScriptedCard())(network(), CARD).name == "fused-graph"


def test_in_short_a_choice_is_one_word_and_what_speaks_against_a_faster_one() -> None:
    proven = StepChooser(build=ScriptedCard())(network(), CARD)
    simpler = StepChooser(build=ScriptedCard(fused_graph=NO_COMPILER))(network(), CARD)
    assert (proven.in_short(), simpler.in_short()) == ("fused-graph", "graph: step-no-compiler")
    assert proven.in_short("fused") == "fused: step-capture-failed", "it could not be captured after all"


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("models")
    made = {kind: make_tiny_model(folder / kind, kind, seed=2, hidden=64) for kind in KINDS}
    return {kind: AutoModelForCausalLM.from_pretrained(path).eval() for kind, path in made.items()}


def on_processor(model: Any, device: torch.device, name: StepName) -> Stepper:
    """The steps of a card in torch, where nothing can be captured."""
    if "graph" in name:
        raise StepRefused("step-capture-failed", why="no card")
    return stepper_for(model, CPU, name)


@pytest.mark.parametrize("kind", KINDS)
def test_the_fused_step_of_each_family_proves_itself_in_torch(networks: dict[str, Any], kind: Kind) -> None:
    choice = StepChooser(build=on_processor)(networks[kind], CARD)
    assert codes(choice) == ("fused", ["step-capture-failed"])
    named = StepChooser("fused")(networks[kind], CPU)
    assert codes(named) == ("fused", ["step-on-processor"])


def test_a_family_without_tables_keeps_the_eager_step_and_says_so(tmp_path: Path) -> None:
    rwkv = AutoModelForCausalLM.from_pretrained(make_tiny_model(tmp_path / "m", "rwkv")).eval()
    built: list[StepName] = []

    def build(model: Any, device: torch.device, name: StepName) -> Stepper:
        built.append(name)
        return stepper_for(model, CPU, name)

    assert codes(StepChooser(build=build)(rwkv, CARD)) == ("eager", ["step-family-not-proven"])
    assert built == ["fused-graph", "graph"], "nothing is computed where nothing is to be proven"


@pytest.mark.parametrize("wrong", [1.3, float("inf")])
def test_a_kernel_that_computes_something_else_is_refused(
    networks: dict[str, Any], wrong: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = TorchOps.gated

    def gated(*arguments: Any) -> torch.Tensor:
        return right(*arguments) * wrong

    monkeypatch.setattr(TorchOps, "gated", gated)
    choice = StepChooser(build=on_processor)(networks["llama"], CARD)
    refusal = "step-unequal" if wrong == 1.3 else "step-no-numbers"
    assert codes(choice) == ("eager", ["step-capture-failed", refusal])
