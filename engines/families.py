"""Which way a network is stepped: all rows at once where tests prove that none hears of another, else singly.

Knows: which families tests/engines/test_families.py has proven for what, and what in a config undoes that.
Refuses to know: how a step is made, and how a network was loaded.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

from engines.batch_stepping import BatchStepper
from engines.fused_stepping import FusedBatchStepper
from engines.row_stepping import RowStepper
from engines.static_stepping import StaticStepper
from engines.stepping import CHUNK, Stepper
from engines.steps.captured_step import CapturedStep
from engines.steps.fused_network import read_network
from engines.steps.fused_step import FusedStep
from engines.steps.modules_step import ModulesStep
from engines.steps.ops import Norm, StepOps
from engines.steps.step import DecodeStep, StepName
from engines.steps.torch_ops import TorchOps
from errors import StepRefused

_BATCHED = """
afmoe apertus arcee aria_text axk1 biogpt bitnet codegen cohere cohere2 cohere2_moe cohere_compass_text ctrl
cwm deepseek_v2 deepseek_v3 diffllama dots1 ernie4_5 ernie4_5_moe exaone4 exaone_moe falcon flex_olmo gemma
gemma2 gemma3 gemma3_text gemma3n_text gemma4 gemma4_text gemma4_unified_text glm glm4 glm4_moe
glm4_moe_lite gpt-sw3 gpt2 gpt_bigcode gpt_neox gpt_neox_japanese gpt_oss gptj granite granite_swa
granitemoe granitemoe_swa granitemoeshared helium hrm_text hunyuan_v1_dense hunyuan_v1_moe hy_v3 hyperclovax
jais2 jetmoe laguna llama longcat_flash mellum mimo_v2_flash minicpm3 minimax_m2 ministral ministral3
mistral mixtral modernbert-decoder nanochat nemotron olmo olmo2 olmo3 olmoe opt persimmon phi phi3 phimoe
qwen2 qwen2_moe qwen3 qwen3_moe seed_oss smollm3 solar_open stablelm starcoder2 vaultgemma xglm youtu
"""
BATCHED = frozenset(_BATCHED.split())
"""Rows of different lengths in one pass get the figures they get alone, and so does a prompt in pieces."""

_READ_IN_PIECES = """
bamba bigbird_pegasus bloom deepseek_v4 doge falcon_h1 gpt_neo granitemoehybrid inkling_text kimi_linear
lfm2 lfm2_moe llama4_text mamba2 minimax minimax_m3_vl_text mllama mpt mvp nemotron_h olmo_hybrid openai-gpt
qwen3_5_moe_text qwen3_5_text qwen3_next rwkv trocr whisper xlstm zamba2 zaya
"""
READ_IN_PIECES = frozenset(_READ_IN_PIECES.split())
"""One row a pass; but a prompt in pieces gives the figures of the whole one and need not hold others up."""

_STATIC = """
afmoe apertus arcee bitnet cohere cohere2 cohere2_moe cohere_compass_text cwm dots1 ernie4_5 ernie4_5_moe
exaone4 exaone_moe flex_olmo gemma gemma3 gemma3_text glm glm4 glm4_moe gpt_bigcode gpt_neox granite
granitemoe granitemoeshared helium hunyuan_v1_dense hunyuan_v1_moe hy_v3 hyperclovax jais2 laguna llama mellum
minimax_m2 ministral ministral3 mistral mixtral modernbert-decoder nanochat olmo olmo2 olmo3 olmoe persimmon
phi phi3 qwen2 qwen2_moe qwen3 qwen3_moe seed_oss smollm3 solar_open starcoder2
"""
STATIC = frozenset(_STATIC.split())
"""Of the batched: their step reads no number on the host, and its attention is plain, or has windows; so it
can read its rows from tables, and be captured."""

REFUSED = {
    "recurrent_gemma": "network-keeps-what-it-read",
    "reformer": "network-sorts-by-chance",
}
"""Networks that transformers runs, but that cannot answer several questions, and the code of the reason."""

_WHOLE = 1 << 30
_LENGTHENING = ("dynamic", "longrope")
_MASKED_HERE = {"full_attention", "sliding_attention"}


def stepper_for(model: Any, device: torch.device, step: StepName = "eager") -> Stepper:
    """The fastest way to step that is proven for this network; whatever is not known goes row by row. A step
    other than the eager one is made as it is named, or refused."""
    if device.type == "cuda":
        # cuDNN's attention plans anew for every length: 40 ms of each token of a growing text on an H100,
        # a tenth of a second of each prompt of a new length on an H200.
        torch.backends.cuda.enable_cudnn_sdp(False)
    if step == "fused" and device.type == "cpu":
        return FusedBatchStepper(model, device)
    config = model.config
    is_own_code = not type(model).__module__.startswith("transformers.")
    known = not is_own_code and not lengthens(config)
    batchable = known and _batchable(config)
    if batchable and config.model_type in STATIC and (device.type == "cuda" or step != "eager"):
        is_captured = step.endswith("graph")
        if is_captured and device.type == "cpu":
            raise StepRefused("step-on-processor")
        inner = _decode_step(model, device, step)
        return StaticStepper(model, device, CapturedStep(inner, device) if is_captured else inner)
    if step != "eager":
        raise StepRefused("step-family-not-proven", kind=config.model_type)
    if batchable:
        return BatchStepper(model, device)
    in_pieces = known and config.model_type in BATCHED | READ_IN_PIECES
    return RowStepper(model, device, CHUNK if in_pieces else _WHOLE)


def _decode_step(model: Any, device: torch.device, step: StepName) -> DecodeStep:
    if step.startswith("fused"):
        return FusedStep(read_network(model), _kernels(device) if device.type == "cuda" else TorchOps())
    has_kernels = device.type == "cuda" and step == "graph" and _kernels_run(device)
    return ModulesStep(model, _kernels(device) if has_kernels else TorchOps())


def _kernels(device: torch.device) -> StepOps:
    """Raises what their library raises where it is missing."""
    from engines.steps.triton_ops import TritonOps  # not at the top: only installed where there is a GPU

    # From Hopper on a kernel may read its weights while the one before it ends.
    return TritonOps(pdl=torch.cuda.get_device_capability(device) >= (9, 0))


@cache
def _kernels_run(device: torch.device) -> bool:
    """Whether one of them compiles and launches: their library and a C compiler have to be there."""
    try:
        line = torch.ones(1, 64, device=device)
        return bool(torch.isfinite(_kernels(device).add_normed(line, line, Norm(line[0], None, 1e-6))).all())
    except Exception:  # noqa: BLE001 - whatever a compiler raises, attention in torch does without it
        return False


def try_stepping(model: Any, device: torch.device) -> bool:
    """Two short questions through the very steps that answers take; whether all figures are numbers.

    Raises what the network raises; all that was reserved is freed.
    """
    stepper = stepper_for(model, device)
    figures = []
    for _ in range(2):
        row = stepper.open(4)
        figures += [stepper.read(row, ids) for ids in ([0, 0], [0])]
        stepper.start(row)
    figures += list(stepper.step([0, 0]))
    for row in list(stepper.running):
        stepper.close(row)
    return all(bool(torch.isfinite(logits).all()) for logits in figures)


def _batchable(config: Any) -> bool:
    """An alibi counts back from the end of the longest row; other sorts of layer need masks of their own."""
    text = config.get_text_config(decoder=True)
    kinds = set(getattr(text, "layer_types", None) or ())
    return config.model_type in BATCHED and kinds <= _MASKED_HERE and not getattr(text, "alibi", False)


def lengthens(config: Any) -> bool:
    """Whether every token's position depends on how long the longest text is: some ropes stretch with it."""
    rope = getattr(config.get_text_config(decoder=True), "rope_parameters", None) or {}
    kinds = {part.get("rope_type") for part in (rope, *rope.values()) if isinstance(part, dict)}
    return any(kind in str(known) for known in kinds for kind in _LENGTHENING)
