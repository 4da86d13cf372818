"""`python -m search ask` as typed, over the models and documents that ship.

Run: python -m pytest tests/search/test_search_asked_of_demo_models.py -m slow
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MODELS = "demo-koalpaca,demo-kullm,demo-chat,demo-korwkv"

pytestmark = pytest.mark.slow


def test_four_models_and_the_extract_answer_over_the_same_shipped_documents(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "search", "ask", "한라산은 얼마나 높나요?"]
        + ["--models", f"{MODELS},extractive", "--mode", "auto", "--json"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "NARANI_HOME": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        timeout=200,
    )
    assert (done.returncode, done.stderr) == (0, "")
    everything = json.loads(done.stdout)
    assert everything["searched"] and len(everything["sources"]) == 5
    *answers, extract = everything["answers"]
    assert [answer["model"] for answer in answers] == MODELS.split(",")
    assert all(answer["text"] and answer["error"] is None for answer in answers), "no prompt is too long"
    assert extract["model"] is None and "1,947m" in extract["text"]
    assert {sentence["verdict"] for sentence in extract["sentences"]} == {"supported"}
