"""A small file and nothing else said: enough is learned of it, and what was decided is told.

Run: python -m pytest tests/finetune/training/test_learning_by_default.py
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from finetune.recipes import FOLDER
from finetune.run_folder import RunFolder
from finetune.sft_settings import SftSettings
from finetune.steps import ENOUGH
from finetune.training.sft import train


def test_a_small_file_is_learned_with_nothing_said(tmp_path: Path) -> None:
    told: list[str] = []

    def tell(notes: Sequence[str]) -> None:
        told.extend(notes)

    settings = SftSettings(base_model="demo-koalpaca", data=(str(FOLDER / "demo.jsonl"),))
    run = RunFolder(train(settings, tmp_path, tell=tell, device="cpu"))

    metrics, report = run.metrics(), run.read("report.json") or {}
    assert len(metrics) >= ENOUGH and all(metric.learning_rate for metric in metrics)
    assert report["held_out"]["after"]["loss"] < 0.9 * report["held_out"]["before"]["loss"]
    decided = [note for note in told if note.startswith(("Decided", f"{len(metrics)} steps"))]
    assert len(decided) == 2 and set(decided) <= set(report["notes"])
    assert '"batch": null' not in (run.adapter / "README.md").read_text(encoding="utf-8")
