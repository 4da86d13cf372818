"""How many bytes the weights of a model take, estimated before anything of it is loaded.

Knows: parameters, the bits of each quantization, and that embeddings and head stay in 16 bits.
Refuses to know: devices, what is free, the cache an answer needs. Its figures are shown as estimates.
"""

from __future__ import annotations

from model_registry.spec import ModelSpec, Quantization

NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
"""Bytes of a weight in nf4: four bits, a byte for each block of 64, and four bytes for each 256 of those
(double quantization)."""
_BITS: dict[Quantization, float] = {"int8": 8.0, "nf4": 8 * NF4_BYTES}

_EMBEDDING_SHARE = 0.1
"""The share of the embeddings where it is not known: current Korean models of 2 to 10 billion are near it."""

_ADAPTER_BYTES = 4
"""peft holds the weights of an adapter in float32, whatever its base is held in."""


def bytes_needed(spec: ModelSpec, quantization: Quantization, base: ModelSpec | None = None) -> int:
    """Estimated bytes of the weights; of an adapter its own only, unless its `base` is loaded with it."""
    if spec.adapter is not None:
        own = spec.local.parameters * _ADAPTER_BYTES
        return own + (bytes_needed(base, quantization) if base is not None else 0)
    weights = spec.local
    width = 4 if weights.loading.dtype == "float32" else 2
    if quantization == "none":
        return weights.parameters * width
    embeddings = weights.embeddings
    kept = embeddings.parameters if embeddings else int(weights.parameters * _EMBEDDING_SHARE)
    return kept * width + int((weights.parameters - kept) * _BITS[quantization] / 8)


def fits(spec: ModelSpec, budget: int, base: ModelSpec | None = None) -> tuple[Quantization, ...]:
    """The quantizations offered whose estimate stays within so many bytes."""
    return tuple(q for q in spec.local.loading.quantizations if bytes_needed(spec, q, base) <= budget)
