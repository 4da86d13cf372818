"""The table of chat tuning holds each method against what it must reach, by figures of its own.

Run: python -m pytest tests/benchmarks/test_rlhf_table.py
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import rlhf
from benchmarks.cli import main
from benchmarks.rlhf import METHODS, Method
from benchmarks.rounds import Target
from finetune.preference import preparing
from finetune.recipes import all_recipes


def test_a_method_that_misses_fails_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One step teaches nothing, and then the model answers as its base does."""
    idle = Method("idle", "demo-dpo", {"familiar": Target(0.6, True)}, {"max_steps": 1})
    monkeypatch.setattr(rlhf, "METHODS", (idle,))
    monkeypatch.setattr(rlhf, "_SAMPLED", 1)
    monkeypatch.setattr(preparing, "ASKED", 1)
    file = tmp_path / "table.json"
    assert main(["rlhf", "--json", str(file)]) == 1
    assert "idle misses familiar ≥ 0.6: 0.00" in capsys.readouterr().out
    base, learned = json.loads(file.read_text(encoding="utf-8"))
    assert base["figures"] == {"familiar": 0.0, "exact": 0.0, "ended": 1.0, "kl": 0.0}
    assert learned["figures"]["kl"] < 0.1 and learned["missed"]


def test_every_method_has_what_it_must_reach() -> None:
    assert all(method.targets for method in METHODS)
    assert {method.recipe for method in METHODS} == {
        recipe.name for recipe in all_recipes() if recipe.name.startswith("demo-")
    }
