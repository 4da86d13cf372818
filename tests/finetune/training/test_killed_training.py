"""A training that is killed, again and again, ends with the weights of one that nobody disturbed.

Run: python -m pytest tests/finetune/training/test_killed_training.py
"""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from errors import BadRequest, Stopped
from finetune.run_folder import RunFolder, TrainingState
from finetune.sft_settings import SftSettings
from finetune.training.checkpoints import Checkpoints
from finetune.training.sft import train
from tests.finetune.training.training_house import (
    ADAPTER,
    add_base,
    long_settings,
    processes,
    terminate_at,
    train_alone,
    train_until,
    write_rows,
)

pytestmark = pytest.mark.usefixtures("few_questions")

SIGNALS = {2: signal.SIGTERM, 5: signal.SIGHUP}


def same(one: Path, other: Path, within: float = 1e-5) -> bool:
    first, second = load_file(one), load_file(other)
    return first.keys() == second.keys() and all(
        torch.allclose(first[name], second[name], rtol=0, atol=within) for name in first
    )


@pytest.mark.slow
def test_ten_kills_at_any_moment_change_nothing(data: Path, home: Path) -> None:
    """While measuring, a moment after steps of each epoch, and when all is learned but not yet saved."""
    settings = long_settings(data, name="killed", resume=True)
    whole = train(replace(settings, name="whole"), home, device="cpu")
    run = RunFolder(home / "runs/killed")
    draw = random.Random(0)

    moments: list[Any] = [
        (0, "measuring"),
        (0, "training"),
        2,
        5,
        8,
        11,
        14,
        17,
        (20, "measuring"),
        (20, "saving"),
    ]
    for moment in moments:
        if isinstance(moment, tuple):
            process = processes().Process(target=train_until, args=(settings, home, *moment))
            process.start()
            process.join(60)
        else:
            process = processes().Process(target=train_alone, args=(settings, home))
            process.start()
            _wait_for_step(run, process, moment)
            time.sleep(draw.random() * 0.08)
            os.kill(process.pid, signal.SIGKILL)
            process.join()
        assert process.exitcode == -signal.SIGKILL, moment
        assert not run.adapter.exists()
    train(settings, home, device="cpu")

    assert same(run.path / ADAPTER, whole / ADAPTER)
    assert [metric.step for metric in run.metrics()] == list(range(1, 21))
    losses = [metric.loss for metric in RunFolder(whole).metrics()]
    assert [metric.loss for metric in run.metrics()] == pytest.approx(losses, abs=1e-6)


def _wait_for_step(run: RunFolder, process: Any, step: int) -> None:
    until = time.monotonic() + 60
    while _last_step(run) < step and process.is_alive():
        assert time.monotonic() < until, f"step {step} was not reached"
        time.sleep(0.005)


def _last_step(run: RunFolder) -> int:
    return max((checkpoint.step for checkpoint in Checkpoints(run.checkpoints, 1).all()), default=0)


@pytest.fixture(
    scope="module",
    params=[
        {"optimizer": "adafactor", "learning_rate": 1e-3},
        {"method": "full", "learning_rate": 1e-3, "schedule": "linear", "weight_decay": 0.1},
        {"batching": "by-length", "micro_batch": 4},
        {"batching": "packed", "max_tokens": 40, "batch": 2, "micro_batch": 1},
    ],
    ids=["adafactor", "full", "by-length", "packed"],
)
def undisturbed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path
) -> tuple[SftSettings, Path]:
    """Settings and run of a training that nobody stopped."""
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    add_base(home, tiny_folder, "gpt_neox", prompt_format="koalpaca")
    rows = write_rows(home.parent / "rows.jsonl")
    settings = long_settings(rows, epochs=2.0, checkpoint_steps=100, **request.param)
    return settings, train(replace(settings, name="whole"), home, device="cpu")


@pytest.mark.parametrize("step", SIGNALS)
def test_a_stopped_run_goes_on_as_if_it_had_not_been(
    home: Path, undisturbed: tuple[SftSettings, Path], step: int
) -> None:
    """At the end of an epoch and in the middle of one; a signal or a lost connection saves it."""
    settings, whole = undisturbed
    result = "model/model.safetensors" if settings.method == "full" else ADAPTER

    with pytest.raises(Stopped, match=f"after step {step}"):
        train(settings, home, device="cpu", show=terminate_at(step, SIGNALS[step]))
    status = RunFolder(home / "runs/small").status()
    assert status is not None and (status.state, status.step) == (TrainingState.STOPPED, step)
    again = train(replace(settings, resume=True), home, device="cpu")

    assert same(again / result, whole / result)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"resume": False}, "was begun already"),
        ({"learning_rate": 1e-3}, "another learning_rate"),
        ({"epochs": 3.0}, "another epochs"),
        ({"data": ()}, "another data"),
    ],
)
def test_a_run_is_not_gone_on_with_otherwise_than_it_began(
    data: Path, home: Path, changes: dict[str, Any], said: str
) -> None:
    settings = long_settings(data, epochs=1.0)
    with pytest.raises(Stopped):
        train(settings, home, device="cpu", show=terminate_at(2))

    with pytest.raises(BadRequest, match=said):
        train(replace(settings, **{"resume": True, **changes}), home, device="cpu")
    write_rows(data, [("다른", "행")] * 3)
    with pytest.raises(BadRequest, match="not the file|as many must stay"):
        train(replace(settings, resume=True), home, device="cpu")


def test_a_run_is_neither_begun_twice_nor_after_its_end(data: Path, home: Path) -> None:
    settings = long_settings(data, epochs=1.0)
    refused: list[Any] = []

    def meanwhile(status: Any, metric: Any) -> None:
        if status.state is TrainingState.TRAINING and not refused:
            with pytest.raises(BadRequest, match="going on in another process") as error:
                train(settings, home, device="cpu")
            refused.append(error)

    train(settings, home, device="cpu", show=meanwhile)

    assert refused
    with pytest.raises(BadRequest, match="is finished"):
        train(replace(settings, resume=True), home, device="cpu")
