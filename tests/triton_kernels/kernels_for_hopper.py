"""Compiles what a step of real networks launches for a card that is not here, and tells what the machine code
holds.

Run: python -m tests.triton_kernels.kernels_for_hopper    (without TRITON_INTERPRET; prints one JSON object)
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from benchmarks.gpu.compiling import pretend_a_card
from benchmarks.gpu.linears import PRODUCTS, operands, own_call
from engines.steps.ops import Heads
from tests.triton_kernels.attending import heads_of, mixed_of, tables_over

ATTENDED = {
    "neox": heads_of(32, 32, 128, 64, packed=True, dtype=torch.bfloat16),
    "llama": heads_of(32, 32, 128, 128, dtype=torch.bfloat16),
    "8b grouped": heads_of(32, 8, 128, 128, dtype=torch.bfloat16),
    "qwen3": heads_of(32, 8, 128, 128, normed=True, dtype=torch.bfloat16),
    "window": heads_of(32, 8, 128, 128, window=4096, dtype=torch.bfloat16),
}
LAYERS = ("neox in", "neox out", "llama gated", "llama down", "8b qkv")


def main() -> None:
    from triton.runtime.jit import JITFunction

    pretend_a_card()
    found: dict[str, dict[str, Any]] = {}
    launch = JITFunction.run
    name = ""

    def compile_only(self: Any, *given: Any, grid: Any, warmup: bool, **named: Any) -> None:
        kernel = launch(self, *given, grid=grid, warmup=True, **named)
        found[f"{name}: {self.__name__}"] = told_by(kernel.asm["cubin"])

    with mock.patch.object(JITFunction, "run", compile_only):
        for product, int8 in itertools.product(PRODUCTS, (False, True)):
            if product.name in LAYERS:
                held = operands(product, zeros, 1, int8)
                for rows in (1, 8) if int8 else (1, 2, 8):
                    name = f"{product.name}, {rows} rows{', int8' if int8 else ''}"
                    own_call(held, rows, None, pdl=True)
        for kind, heads in ATTENDED.items():
            name = f"attend {kind}"
            compile_attention(heads)
    sys.stdout.write(json.dumps(found))


def zeros(*sizes: int) -> torch.Tensor:
    return torch.zeros(sizes, dtype=torch.bfloat16)


def compile_attention(heads: Heads) -> None:
    from engines.steps.triton_attention import attend

    half = torch.bfloat16
    tables = tables_over(heads, [5], [0], room=1024, dtype=half)
    arrivals = torch.zeros(heads.queries, dtype=torch.int32)
    attend(mixed_of(heads, 1, half), heads, 0, tables, 1024, arrivals, pdl=True)


def told_by(cubin: bytes) -> dict[str, Any]:
    """Weights alone are read evict-first; the wait for the kernel before is ACQBULK."""
    code, resources = (disassembled(cubin, flag) for flag in ("-sass", "-res-usage"))
    weights = list(re.finditer(r"LDG\.E\.EF[.\w]*", code))
    wait = code.find("ACQBULK")
    return {
        "local": int(re.findall(r"LOCAL:(\d+)", resources)[0]),
        "stack": int(re.findall(r"STACK:(\d+)", resources)[0]),
        "weights": len(weights),
        "of 128 bits": sum(".128" in found.group() for found in weights),
        "before the wait": sum(found.start() < wait for found in weights),
        "conversions": len(re.findall(r"I2F[.\w]*", code)),
        "inputs before the wait": len(re.findall(r"LDG\.E(?!\.EF)", code[: max(wait, 0)])),
        "waits": code.count("ACQBULK"),
        "128 bits before the wait": len(re.findall(r"LDG\.E(?!\.EF)[.\w]*\.128", code[: max(wait, 0)])),
    }


def disassembled(cubin: bytes, flag: str) -> str:
    import triton

    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        return subprocess.run([tool, flag, file.name], capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
