"""Estimated bytes: the figures calculated for the historic models come out again.

Run: python -m pytest tests/model_registry/test_memory_estimates.py
"""

from __future__ import annotations

import pytest

from model_registry.memory import bytes_needed, fits
from model_registry.registry import load_registry
from model_registry.spec import LoadingRecipe

REGISTRY = load_registry()

# GB of the weights alone, calculated from the configs with nf4 in blocks of 64 and double quantization
CALCULATED = [
    ("polyglot-ko-1.3b", 2.66, 1.46, 0.87),
    ("polyglot-ko-3.8b", 7.62, 4.00, 2.24),
    ("polyglot-ko-5.8b", 11.77, 6.13, 3.40),
    ("polyglot-ko-12.8b", 25.79, 13.20, 7.11),
    ("llama-2-ko-7b", 13.71, 7.24, 4.10),
]


@pytest.mark.parametrize(("id", "none", "int8", "nf4"), CALCULATED)
def test_estimates_come_within_five_percent(id: str, none: float, int8: float, nf4: float) -> None:
    spec = REGISTRY.get(id)

    estimates = [bytes_needed(spec, quantization) / 1e9 for quantization in ("none", "int8", "nf4")]

    assert estimates == pytest.approx([none, int8, nf4], rel=0.05)


@pytest.mark.parametrize(("id", "none", "int8", "nf4"), CALCULATED)
def test_unknown_embeddings_still_come_near(id: str, none: float, int8: float, nf4: float) -> None:
    spec = REGISTRY.get(id).with_local(embeddings=None)

    estimates = [bytes_needed(spec, quantization) / 1e9 for quantization in ("none", "int8", "nf4")]

    assert estimates == pytest.approx([none, int8, nf4], rel=0.25)


def test_float32_takes_twice_the_bytes() -> None:
    half = REGISTRY.get("polyglot-ko-1.3b")
    full = half.with_local(loading=LoadingRecipe(dtype="float32"))

    assert bytes_needed(full, "none") == 2 * bytes_needed(half, "none") == 4 * half.local.parameters


def test_tied_embeddings_count_once() -> None:
    spec = REGISTRY.get("llama-3.2-1b-instruct")
    assert spec.local.embeddings is not None and spec.local.embeddings.tied

    kept = 128_256 * 2_048
    assert bytes_needed(spec, "int8") == 2 * kept + (spec.local.parameters - kept)


def test_adapter_costs_only_itself_unless_its_base_comes_too() -> None:
    adapter, base = REGISTRY.get("korani-5.8b"), REGISTRY.get("polyglot-ko-5.8b")

    alone = bytes_needed(adapter, "nf4")

    assert alone == 4 * 3_670_016
    assert bytes_needed(adapter, "nf4", base) == alone + bytes_needed(base, "nf4")


def test_fits_names_what_fits() -> None:
    spec = REGISTRY.get("polyglot-ko-5.8b")

    assert fits(spec, 24 * 10**9) == ("none", "int8", "nf4")
    assert fits(spec, 8 * 10**9) == ("int8", "nf4")
    assert fits(spec, bytes_needed(spec, "nf4")) == ("nf4",)
    assert fits(spec, bytes_needed(spec, "nf4") - 1) == ()
    assert fits(REGISTRY.get("korani-5.8b"), 8 * 10**9, spec) == ("int8", "nf4")


def test_only_offered_quantizations_can_fit() -> None:
    assert fits(REGISTRY.get("gpt-oss-20b"), 10**15) == ("none",)
