"""Trainings of other kinds are stopped, found, gone on with and finished by what supervised tuning uses.

Run: python -m pytest tests/finetune/training/test_another_training.py
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from errors import BadRequest, Stopped
from finetune.job_state import job
from finetune.kinds import settings_of, train
from finetune.preference import preparing
from finetune.preference_settings import DpoSettings, KtoSettings, PreferenceSettings
from finetune.running import run_training
from finetune.sft_settings import SftSettings
from model_registry.registry import load_registry
from tests.finetune.training.training_house import ADAPTER, NAMES, terminate_at

LABELED = [
    {"prompt": f"{one} 마을?", "completion": f"{two}.", "label": place % 2 == 0}
    for place, (one, two) in enumerate(NAMES)
]
PAIRS = [{"prompt": f"{one} 마을?", "chosen": f"{two}.", "rejected": "몰라."} for one, two in NAMES]
SMALL: dict[str, Any] = {"base_model": "tiny", "batch": 8, "micro_batch": 4, "warmup": 0.0}
KINDS_OF_ROWS = [(DpoSettings, PAIRS), (KtoSettings, LABELED)]


@pytest.mark.parametrize(("kind", "rows"), KINDS_OF_ROWS, ids=["dpo", "kto"])
def test_another_kind_stops_and_goes_on_to_the_same_weights(
    kind: type[PreferenceSettings],
    rows: list[dict[str, Any]],
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(preparing, "ASKED", 1)
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    settings = kind(data=(str(file),), name="whole", epochs=3.0, lora_dropout=0.1, **SMALL)
    assert run_training(settings, home, now=True) == 0
    assert "The model: whole" in capfd.readouterr().out

    stopped = replace(settings, name="stopped")
    with pytest.raises(Stopped, match="after step 3"):
        train(stopped, home, device="cpu", show=terminate_at(3))
    found = job(home, "stopped")
    assert found is not None and found.kind == kind.kind and found.can_resume
    with pytest.raises(BadRequest, match="begun with another kind of training"):
        train(SftSettings(base_model="tiny", data=(str(file),), name="stopped", resume=True), home)
    train(replace(settings_of(found.record), resume=True), home, device="cpu")

    one, other = (home / "runs" / name for name in ("whole", "stopped"))
    assert (one / ADAPTER).read_bytes() == (other / ADAPTER).read_bytes()
    assert figures(other) == figures(one)
    assert len(figures(one)) == 6 and figures(one)[0]["loss"] > figures(one)[-1]["loss"]
    assert load_registry(home / "models").get("stopped").adapter is not None


def figures(run: Path) -> list[dict[str, float]]:
    """But those of time and memory."""
    lines = map(json.loads, (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
    clocked = {"at", "tokens_per_second", "memory_bytes", "seconds_left"}
    return [{name: value for name, value in line.items() if name not in clocked} for line in lines]
