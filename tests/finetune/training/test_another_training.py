"""A training of another kind is stopped, found, gone on with and finished by what supervised tuning uses.

Run: python -m pytest tests/finetune/training/test_another_training.py
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from errors import BadRequest, Stopped
from finetune.job_state import job
from finetune.kinds import KINDS, settings_of, train
from finetune.running import run_training
from finetune.sft_settings import SftSettings
from model_registry.registry import load_registry
from tests.finetune.training.preference_training import PREFERENCE, PreferenceSettings
from tests.finetune.training.training_house import ADAPTER, NAMES, terminate_at


def test_another_kind_stops_and_goes_on_to_the_same_weights(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(KINDS, PreferenceSettings.kind, PREFERENCE)
    pairs = tmp_path / "pairs.jsonl"
    rows = [{"prompt": f"{one} 마을?", "chosen": f" {two}.", "rejected": " 몰라."} for one, two in NAMES[:8]]
    pairs.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    settings = PreferenceSettings(
        base_model="tiny", data=(str(pairs),), name="whole", batch=2, micro_batch=2, epochs=1.5, warmup=0.0
    )
    assert run_training(settings, home, now=True) == 0
    assert "The model: whole" in capfd.readouterr().out

    stopped = replace(settings, name="stopped")
    with pytest.raises(Stopped, match="after step 3"):
        train(stopped, home, device="cpu", show=terminate_at(3))
    found = job(home, "stopped")
    assert found is not None and found.kind == "preference" and found.can_resume
    with pytest.raises(BadRequest, match="begun with another kind of training"):
        train(SftSettings(base_model="tiny", data=(str(pairs),), name="stopped", resume=True), home)
    train(replace(settings_of(found.record), resume=True), home, device="cpu")

    one, other = (home / "runs" / name for name in ("whole", "stopped"))
    assert (one / ADAPTER).read_bytes() == (other / ADAPTER).read_bytes()
    learned = [json.loads(line)["loss"] for line in (other / "metrics.jsonl").read_text().splitlines()]
    assert learned == [json.loads(line)["loss"] for line in (one / "metrics.jsonl").read_text().splitlines()]
    assert len(learned) == 6 and learned[0] > learned[-1]
    assert load_registry(home / "models").get("stopped").adapter is not None
