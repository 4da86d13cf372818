"""Holds the plan of steps: small data makes enough of them, and no step learns at rate 0.

Run: python -m pytest tests/finetune/test_steps.py
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import get_scheduler

from errors import BadRequest
from finetune.preference_settings import DpoSettings
from finetune.rl_settings import GrpoSettings
from finetune.run_settings import Schedule
from finetune.sft_settings import SftSettings
from finetune.steps import ENOUGH, Volume, plan_steps, rate_at, warmup_steps


def volume(rows: int, each: int = 60) -> Volume:
    return Volume(rows, rows * each, each * 3)


@pytest.mark.parametrize("rows", [7, 24, 100, 268, 1_000, 10_000])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("processes", [1, 2, 3])
def test_defaults_make_enough_steps_of_any_file(rows: int, packed: bool, processes: int) -> None:
    found = plan_steps(volume(rows), SftSettings(), packed=packed, processes=processes)

    settings = found.settings
    assert found.steps >= ENOUGH or (rows < 10 * processes and found.is_short)
    if rows >= 100 * processes:
        # Small steps come before many epochs.
        assert settings.epochs and settings.epochs <= 5
    assert settings.batch and settings.batch % (settings.micro_batch * processes) == 0
    assert settings.epochs and 3 <= settings.epochs <= 20 and found.block_tokens <= 1024
    assert found.warmup < found.steps / 4


def test_much_data_is_learned_as_it_always_was() -> None:
    found = plan_steps(volume(150_000), SftSettings(), packed=True)

    assert (found.settings.batch, found.settings.micro_batch, found.settings.epochs) == (32, 4, 3.0)
    assert found.block_tokens == 1024 and not found.is_short


def test_what_a_person_says_stays_and_few_steps_are_warned_of() -> None:
    asked = SftSettings(batch=32, epochs=3.0, learning_rate=1e-3, warmup=100)
    found = plan_steps(volume(268), asked, packed=True)

    assert found.settings == asked and found.decided == () and found.block_tokens == 1024
    said = " ".join(found.sentences())
    assert "3 steps are few" in said and "Raise --epochs (now 3) or lower --batch (now 16)" in said
    assert "A warm-up of 100 steps would take too much of 3" in said and found.warmup == 0
    assert "few" not in " ".join(plan_steps(volume(268), SftSettings(max_steps=2), packed=True).sentences())


def test_full_tuning_has_a_rate_of_its_own() -> None:
    rates = {
        method: plan_steps(volume(268), SftSettings(method=method), packed=True).settings.learning_rate
        for method in ("full", "lora", "qlora", "int8-lora")
    }
    assert rates == {"full": 2e-5, "lora": 3e-4, "qlora": 3e-4, "int8-lora": 3e-4}


@pytest.mark.parametrize(
    ("warmup", "steps", "made"), [(0.03, 60, 2), (0.0, 60, 0), (100, 60, 6), (100, 400, 100)]
)
def test_a_warm_up_leaves_a_run_to_learn_in(warmup: float, steps: int, made: int) -> None:
    assert warmup_steps(warmup, steps) == made


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
@pytest.mark.parametrize("warmup", [0, 1, 5])
def test_rates_are_transformers_own_but_for_the_first_of_all(schedule: Schedule, warmup: int) -> None:
    steps = 40
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    name: Any = "constant_with_warmup" if schedule == "constant" else schedule
    theirs = get_scheduler(name, optimizer, num_warmup_steps=warmup, num_training_steps=steps)
    for step in range(steps):
        ours = rate_at(step, warmup, steps, schedule)
        assert 0 < ours <= 1
        if step >= warmup:
            assert ours == pytest.approx(theirs.get_last_lr()[0], abs=1e-9)
        optimizer.step()
        theirs.step()


def test_a_kind_has_its_own_defaults_and_its_own_ways_to_share() -> None:
    found = plan_steps(volume(10_000), DpoSettings(), packed=False).settings
    assert (found.learning_rate, found.epochs) == (2e-5, 2.0)
    assert plan_steps(volume(10_000), DpoSettings(epochs=5.0), packed=False).settings.epochs == 5.0
    with pytest.raises(BadRequest, match="can be shared by .ddp., not by zero3"):
        DpoSettings(distributed="zero3")
    with pytest.raises(BadRequest, match="uses one GPU"):
        GrpoSettings(distributed="ddp")
