"""How many bytes a model will take, known in milliseconds and before anything is loaded.

It goes by what safetensors headers and config.json say, and by what each quantization makes of a matrix.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import torch

from engines.loading.hub import cached_files_of
from engines.loading.loaded import Estimate
from engines.loading.safety import check_adapter, check_model, text_settings
from engines.loading.weights import choose_dtype
from errors import NaraniError
from model_registry.memory import NF4_BYTES, bytes_needed
from model_registry.reading.headers import FLOATS, StoredTensor
from model_registry.spec import ModelSpec, Quantization

_PARAMETERS_A_CACHE_BYTE = 12_000
"""What models of 5 to 13 billion without grouped heads come near; with grouped heads they need less."""


def estimate(spec: ModelSpec, quantization: str, device: torch.device) -> Estimate:
    """From the files where they are on this machine, else from the registry; downloads nothing."""
    folder = cached_files_of(spec)
    if folder is not None:
        try:
            return _from_files(folder, spec, quantization, device)
        except NaraniError:
            # Loading will name the fault; until then the registry's figure serves.
            pass
    cache = (
        0
        if spec.local.architecture == "rwkv" or spec.adapter
        else spec.local.parameters // _PARAMETERS_A_CACHE_BYTE
    )
    return Estimate(bytes_needed(spec, cast(Quantization, quantization)), cache, 0)


def _from_files(folder: Path, spec: ModelSpec, quantization: str, device: torch.device) -> Estimate:
    if spec.adapter is not None:
        width = 4 if spec.local.loading.dtype == "float32" else 2
        values = sum(tensor.values for tensor in check_adapter(folder, spec).tensors)
        return Estimate(values * width, 0, 0)
    checked = check_model(folder, spec)
    config = checked.config
    width = choose_dtype(checked.tensors, spec, quantization, device)[0].itemsize
    if checked.pickles:
        weights = bytes_needed(spec, cast(Quantization, quantization))
    else:
        vocabulary = text_settings(config).get("vocab_size")
        weights = sum(_loaded_bytes(tensor, quantization, width, vocabulary) for tensor in checked.tensors)
    return Estimate(weights, *_cache(config, width))


def _loaded_bytes(tensor: StoredTensor, quantization: str, width: int, vocabulary: Any) -> int:
    """Embeddings and the head stay as they are; buffers of old checkpoints are not loaded at all."""
    if tensor.dtype not in FLOATS:
        return 0 if tensor.name.endswith("attention.bias") else tensor.bytes
    if quantization == "none" or len(tensor.shape) != 2 or _is_vocabulary(tensor, vocabulary):
        return tensor.values * width
    if quantization == "int8":
        return tensor.values + 4 * tensor.shape[0]
    return round(tensor.values * NF4_BYTES)


def _is_vocabulary(tensor: StoredTensor, vocabulary: Any) -> bool:
    """Whether it is an embedding or the head, under any of the names these have."""
    return tensor.shape[0] == vocabulary and re.search(r"embed|wte|head", tensor.name) is not None


def _cache(config: dict[str, Any], width: int) -> tuple[int, int]:
    """(bytes a token of context, bytes a running question)."""
    text = text_settings(config)
    layers, hidden = text.get("num_hidden_layers", 0), text.get("hidden_size", 0)
    if text.get("model_type") == "rwkv":
        return 0, layers * hidden * (2 * width + 3 * 4)
    heads = text.get("num_attention_heads") or 1
    if "kv_lora_rank" in text:
        a_head = text["qk_nope_head_dim"] + text["qk_rope_head_dim"] + text["v_head_dim"]
        return layers * heads * a_head * width, 0
    pairs = text.get("num_key_value_heads") or heads
    return layers * 2 * pairs * (text.get("head_dim") or hidden // heads) * width, 0
