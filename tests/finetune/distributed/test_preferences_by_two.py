"""Two processes learn preferences as one does, also where the last step has no row left for the second.

Run: python -m pytest tests/finetune/distributed/test_preferences_by_two.py
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from finetune.kinds import train
from finetune.preference import preparing
from finetune.preference_settings import DpoSettings, KtoSettings, PreferenceSettings
from finetune.run_folder import RunFolder
from tests.finetune.distributed.pairs import learned_by_two
from tests.finetune.training.training_house import ADAPTER, NAMES

WITHIN = 1e-5
ROWS = [{"prompt": f"{one} 마을?", "chosen": f"{two}.", "rejected": "몰라."} for one, two in NAMES[:21]]
"""Thirteen are learned; of pairs, KTO makes two answers each."""
SMALL: dict[str, Any] = {"base_model": "tiny", "epochs": 1.0, "batch": 8, "max_tokens": 64, "warmup": 0.0}


@pytest.mark.parametrize("kind", [DpoSettings, KtoSettings], ids=["dpo", "kto"])
def test_two_processes_learn_what_one_does(
    kind: type[PreferenceSettings], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = home.parent / "preferences.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    settings = kind(data=(str(data),), name=f"{kind.kind}-one", micro_batch=4, learning_rate=3e-3, **SMALL)
    monkeypatch.setattr(preparing, "ASKED", 1)
    torch.set_num_threads(1)
    one = train(settings, home, device="cpu")

    shared = replace(settings, name=f"{kind.kind}-two", micro_batch=2, distributed="ddp")
    pair = learned_by_two(shared, home)

    assert pair.codes == (0, 0), "\n".join(pair.said)
    two = home / "runs" / shared.name if shared.name else home
    assert figures(two) == [pytest.approx(line, abs=WITHIN) for line in figures(one)]
    learned = load_file(two / ADAPTER)
    for name, value in load_file(one / ADAPTER).items():
        assert torch.allclose(learned[name], value, rtol=0, atol=WITHIN), name
    reference = "reference.safetensors"
    found, wanted = (load_file(run / reference)["log_probs"] for run in (two, one))
    assert torch.allclose(found, wanted, atol=WITHIN)


def figures(run: Path) -> list[dict[str, float]]:
    return [{"loss": metric.loss or 0.0, **metric.figures} for metric in RunFolder(run).metrics()]
