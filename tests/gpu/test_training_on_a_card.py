"""A demo model learns on a real card by each method, and the engine answers there with what came of it.

Run: python -m pytest -m gpu tests/gpu
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from finetune.run_folder import RunFolder
from model_registry.registry import load_registry
from tests.engines.running_engine import open_engine
from tests.finetune.training.training_house import small_settings, write_rows

DEVICE = "cuda:0"
BASE = "demo-koalpaca"
RATES = {"lora": 1e-2, "qlora": 1e-2, "int8-lora": 1e-2, "full": 2e-3}
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.mark.parametrize("method", RATES)
def test_a_demo_model_learns_on_a_card_and_answers_there(method: Any, tmp_path: Path) -> None:
    for package in ("trl", "datasets", "bitsandbytes"):
        pytest.importorskip(package)
    from finetune.training.sft import train

    settings = small_settings(
        write_rows(tmp_path / "rows.jsonl"),
        base_model=BASE,
        method=method,
        learning_rate=RATES[method],
        epochs=25.0,
        micro_batch=8,
        batching="packed",
        lora_r=16,
        lora_dropout=0.0,
        checkpoint_steps=10_000,
    )

    run = RunFolder(train(settings, tmp_path / "home", device=DEVICE))

    report, manifest = run.read("report.json"), run.read("manifest.json")
    assert report is not None and manifest is not None
    assert manifest["device"] == DEVICE.partition(":")[0]
    answered = report["answers"]["learned"]
    assert (answered["before"]["exact"], answered["after"]["exact"]) == (0, 8)
    models = load_registry(tmp_path / "home/models").models
    tuned, sample = report["model_id"], report["learned_samples"][0]
    with open_engine({name: models[name] for name in (BASE, tuned)}, DEVICE) as running:
        assert (
            running.answer(tuned, sample["question"], max_new_tokens=32, temperature=0.0).text
            == sample["expected"]
        )
        assert (
            running.answer(BASE, sample["question"], max_new_tokens=32, temperature=0.0).text
            != sample["expected"]
        )
