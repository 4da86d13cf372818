"""What the machine code of a fused step's products and attention holds, compiled for sm_90 where no card is.

Run: python -m pytest tests/triton_kernels/test_kernels_for_hopper.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("triton", reason="Triton is not installed here")
pytestmark = pytest.mark.triton


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """In a process of their own, because this one may interpret them."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment["TRITON_CACHE_DIR"] = str(tmp_path_factory.mktemp("triton"))
    done = subprocess.run(
        [sys.executable, "-m", "tests.triton_kernels.kernels_for_hopper"],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.fixture
def products(kernels: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: told for name, told in kernels.items() if not name.startswith("attend")}


@pytest.fixture
def attending(kernels: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: told for name, told in kernels.items() if name.startswith("attend")}


def test_every_weight_is_loaded_by_sixteen_bytes(products: dict[str, dict[str, Any]]) -> None:
    with_weights = {name: told for name, told in products.items() if "norm_rows" not in name}
    assert len(with_weights) == 25
    for name, told in with_weights.items():
        assert told["of 128 bits"] == told["weights"] > 0, name


def test_no_int8_is_converted_by_the_slow_instruction(products: dict[str, dict[str, Any]]) -> None:
    int8 = {name: told for name, told in products.items() if "int8" in name}
    assert len(int8) >= 10 and all(told["conversions"] == 0 for told in int8.values())


def test_nothing_is_spilled(kernels: dict[str, dict[str, Any]]) -> None:
    """Attention's stack is the cosine's, for angles beyond what is asked here."""
    for name, told in kernels.items():
        assert told["local"] == 0 and told["stack"] <= 32 * name.startswith("attend"), name


def test_weights_are_asked_for_before_the_kernel_waits_and_inputs_after(
    products: dict[str, dict[str, Any]],
) -> None:
    for name, told in products.items():
        assert told["waits"] == 1, name
        assert told["inputs before the wait"] == 0, name
        assert told["before the wait"] == told["weights"], name


def test_keys_and_values_are_asked_for_by_sixteen_bytes_before_attention_waits(
    attending: dict[str, dict[str, Any]],
) -> None:
    assert len(attending) == 5
    for name, told in attending.items():
        assert told["waits"] == 1 and told["128 bits before the wait"] >= 16, name
