"""What `scripts/gpu_check --decide` asks with kernels runs in Triton's interpreter, and computes rightly.

Run: TRITON_INTERPRET=1 python -m pytest tests/triton_kernels/test_decide_in_small.py
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gpu.decide import run_part

pytest.importorskip("triton", reason="Triton is not installed here")
pytestmark = [
    pytest.mark.triton,
    pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") != "1", reason="needs TRITON_INTERPRET=1"),
]


@pytest.mark.parametrize("part", ["facts", "launches", "products"])
def test_a_part_breaks_nowhere_and_is_written(part: str, tmp_path: Path) -> None:
    results: dict[str, Any] = {}
    assert not run_part(part, False, results, tmp_path / "decide.json")
    assert "broke" not in json.dumps(results)
    assert json.loads((tmp_path / "decide.json").read_text("utf-8")) == results
    if part == "products":
        rows = [row for told in results[part].values() if isinstance(told, list) for row in told]
        assert {row["rows"] for row in rows} == {1, 2, 4, 8}
        assert all(row["error"] < 1e-4 and row["row 0 same"] for row in rows)
