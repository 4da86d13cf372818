"""What the fused step reads of a loaded network: the modules' own tensors, and nothing that it does not know.

Run: python -m pytest tests/engines/steps/test_fused_network.py
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers.activations import NewGELUActivation
from transformers.models.gemma.modeling_gemma import GemmaRMSNorm

from engines.slot_cache import SlotCache
from engines.steps.fused_network import read_network
from engines.steps.fused_step import FusedStep
from engines.steps.modules_step import ModulesStep
from engines.steps.tables import RowPlace, StepTables
from engines.steps.torch_ops import TorchOps
from errors import StepRefused
from tests.engines.steps.slot_rows import in_int8
from tests.every_family import tiny_network

CPU, META = torch.device("cpu"), torch.device("meta")
UNKNOWN = (
    "rwkv",
    "gemma2",
    "phi3",
    "mixtral",
    "olmo2",
    "granite",
    "cohere",
    "hyperclovax",
    "gpt2",
    "solar_open",
)


class OtherLinear(nn.Linear):
    """A linear that may compute otherwise."""


class Linear4bit(nn.Linear):
    """As bitsandbytes names it."""

    __module__ = "bitsandbytes.nn.modules"


def tensors(part: Any) -> Iterator[Tensor]:
    """Every tensor in a description."""
    if isinstance(part, Tensor):
        yield part
    elif isinstance(part, tuple):
        for one in part:
            yield from tensors(one)
    elif is_dataclass(part):
        for field in fields(part):
            yield from tensors(getattr(part, field.name))


def a_row(layers: int, groups: int, size: int, device: torch.device) -> StepTables:
    """Tables of one row in a cache that is already there."""
    cache = SlotCache(layers)
    cache.reserve(2, 16)
    for layer in cache.layers:
        states = torch.zeros(1, groups, 1, size, device=device)
        layer.lazy_initialization(states, states)
    tables = StepTables(layers, device)
    tables.point_at(cache)
    tables.fill([RowPlace(5, 3, 1)])
    return tables


def refusal(network: Any) -> tuple[str, dict[str, object]]:
    with pytest.raises(StepRefused) as caught:
        read_network(network)
    return caught.value.code, dict(caught.value.cause.facts)


@pytest.mark.parametrize("int8", [False, True], ids=["wide", "int8"])
@pytest.mark.parametrize("kind", ["gpt_neox", "llama", "exaone4"])
def test_it_holds_the_modules_own_tensors_and_all_of_them(kind: str, int8: bool) -> None:
    network: Any = tiny_network(kind)
    if int8:
        in_int8(network)
    read = list(tensors(read_network(network)))
    own = {id(tensor) for tensor in (*network.parameters(), *network.buffers())}
    assert {id(tensor) for tensor in read} <= own
    scales = (tensor for path, tensor in network.named_buffers() if path.endswith("scale"))
    assert {id(tensor) for tensor in (*network.parameters(), *scales)} <= {id(tensor) for tensor in read}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", UNKNOWN)
def test_a_network_of_another_family_is_refused(kind: str) -> None:
    assert refusal(tiny_network(kind)) == ("step-network-unknown", {"kind": kind})


@pytest.mark.parametrize("rope", ["dynamic", "longrope"])
def test_positions_that_depend_on_the_longest_text_are_refused(rope: str) -> None:
    factors = {"short_factor": [1.0] * 4, "long_factor": [2.0] * 4} if rope == "longrope" else {}
    parameters = {
        "rope_type": rope,
        "rope_theta": 10_000.0,
        "factor": 4.0,
        "original_max_position_embeddings": 32,
        **factors,
    }
    network = tiny_network("llama", rope_parameters=parameters)
    assert refusal(network) == ("step-module-unknown", {"module": f"RoPE {rope}"})


def _put(path: str, make: Callable[[Any], Any]) -> Callable[[Any], None]:
    def change(network: Any) -> None:
        network.set_submodule(path, make(network.get_submodule(path)))

    return change


def _wrapped(network: Any) -> None:
    layer = network.model.layers[1].mlp
    layer.forward = layer.forward


CHANGED: dict[str, tuple[Callable[[Any], None], str]] = {
    "another linear": (_put("model.layers.1.mlp.down_proj", lambda old: OtherLinear(48, 32)), "OtherLinear"),
    "another head": (_put("lm_head", lambda old: OtherLinear(32, 96, bias=False)), "OtherLinear"),
    "another norm": (_put("model.layers.0.input_layernorm", lambda old: GemmaRMSNorm(32)), "GemmaRMSNorm"),
    "another last norm": (_put("model.norm", lambda old: nn.LayerNorm(32)), "LayerNorm"),
    "another activation": (
        _put("model.layers.1.mlp.act_fn", lambda old: NewGELUActivation()),
        "NewGELUActivation",
    ),
    "no embedding": (_put("model.embed_tokens", lambda old: nn.Linear(32, 96)), "Linear"),
    "wrapped": (_wrapped, "LlamaMLP"),
}


@pytest.mark.parametrize("what", CHANGED)
def test_a_network_whose_modules_were_changed_is_refused(what: str) -> None:
    network = tiny_network("llama")
    change, module = CHANGED[what]
    change(network)
    assert refusal(network) == ("step-module-unknown", {"module": module})


def test_quantized_weights_are_refused() -> None:
    network = tiny_network("gpt_neox")
    network.gpt_neox.layers[0].attention.dense = Linear4bit(32, 32)
    assert refusal(network) == ("step-quantized", {"quantization": "Linear4bit"})


@pytest.mark.parametrize("elsewhere", [torch.bfloat16, META], ids=str)
def test_weights_of_several_types_or_places_are_refused(elsewhere: Any) -> None:
    network: Any = tiny_network("qwen3")
    network.lm_head.to(elsewhere)
    assert refusal(network) == ("step-weights-mixed", {})


def test_layers_with_some_linears_of_int8_are_refused() -> None:
    network: Any = in_int8(tiny_network("qwen3"))
    network.model.layers[1].mlp.down_proj = nn.Linear(48, 32, bias=False)
    assert refusal(network) == ("step-weights-mixed", {})


@pytest.mark.parametrize("kind", ["gpt_neox", "llama"])
def test_an_attached_adapter_is_passed_over_whether_it_is_on_or_off(kind: str) -> None:
    from peft import LoraConfig
    from peft.functional import inject_adapter_in_model

    network: Any = tiny_network(kind)
    heads = 4 if kind == "gpt_neox" else 2
    tables = a_row(2, heads, 8, CPU)
    with torch.inference_mode():
        before = FusedStep(read_network(network), TorchOps())
        wanted = before(tables, 1, 1024)
    targets = ["query_key_value", "dense"] if kind == "gpt_neox" else ["q_proj", "down_proj", "lm_head"]
    inject_adapter_in_model(
        LoraConfig(r=2, target_modules=targets, init_lora_weights=False), network, "other"
    )
    with torch.inference_mode():
        for step in (before, FusedStep(read_network(network), TorchOps())):
            assert torch.equal(step(tables, 1, 1024), wanted)


@pytest.mark.parametrize("int8", [False, True], ids=["wide", "int8"])
@pytest.mark.parametrize("kind", ["gpt_neox", "mistral", "qwen3", "exaone4"])
def test_nothing_of_a_step_is_read_on_the_host(kind: str, int8: bool) -> None:
    """A device without memory refuses whatever would wait for a figure; through modules, for a graph, too."""
    network: Any = tiny_network(kind)
    network = (in_int8(network) if int8 else network).to(META)
    tables = a_row(2, 4 if kind == "gpt_neox" else 2, 8, META)
    with torch.inference_mode():
        for step in (FusedStep(read_network(network), TorchOps()), ModulesStep(network, TorchOps())):
            logits = step(tables, 1, 1024)
            assert logits.shape == (1, 96) and logits.device == META


class CountingOps(TorchOps):
    """Notes each operation that it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = Counter[str]()

    def __getattribute__(self, name: str) -> Any:
        if name in ("normed", "gated", "attend", "added", "add_normed"):
            self.asked[name] += 1
        return super().__getattribute__(name)


BUDGET = {
    "gpt_neox": {"normed": 1, "attend": 1, "added": 1},
    "gpt_neox, one after the other": {"normed": 2, "attend": 1, "added": 2},
    "llama": {"normed": 1, "attend": 1, "added": 2, "gated": 1},
    "qwen3": {"normed": 1, "attend": 1, "added": 2, "gated": 1},
    "exaone4": {"normed": 1, "attend": 1, "added": 2, "gated": 1, "add_normed": 2},
}


@pytest.mark.parametrize("name", BUDGET)
def test_a_layer_takes_no_more_operations_than_its_budget(name: str) -> None:
    """Each is a kernel or two on a card: 3 a layer of GPT-NeoX, 5 of Llama, 7 of EXAONE-4."""
    kind, _, other = name.partition(", ")
    network = tiny_network(kind, **({"use_parallel_residual": False} if other else {})).to(META)
    ops = CountingOps()
    FusedStep(read_network(network), ops)(a_row(2, 4 if kind == "gpt_neox" else 2, 8, META), 1, 1024)
    assert ops.asked == {call: 2 * count + (call == "normed") for call, count in BUDGET[name].items()}
