"""Two real processes learn what one learns, step by step, and either goes on where the other stopped.

Run: python -m pytest tests/finetune/distributed/test_two_processes.py
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from finetune.run_folder import RunFolder, TrainingState, TrainingStatus
from finetune.run_settings import Distributed
from finetune.sft_settings import SftSettings
from finetune.training import preparing
from finetune.training.sft import train
from tests.finetune.distributed.pairs import Pair, die, learned_by_two, run_out_of_memory, stop
from tests.finetune.training.training_house import ADAPTER, COUNTS_OF_ASKED

ASKED_BY_THE_COMMAND = {count: getattr(preparing, count) for count in COUNTS_OF_ASKED}
"""In its own process; a run that goes on asks as many rows as it began with."""
MODEL = "model/model.safetensors"
WITHIN = 1e-5
_DEEPSPEED = pytest.mark.skipif(find_spec("deepspeed") is None, reason="DeepSpeed is not installed")
KINDS = [
    "ddp",
    "fsdp2",
    pytest.param("zero2", marks=_DEEPSPEED),
    pytest.param("zero3", marks=_DEEPSPEED),
]


def losses(run: Path) -> list[float | None]:
    return [metric.loss for metric in RunFolder(run).metrics()]


def same_weights(one: Path, other: Path) -> bool:
    first, second = load_file(one), load_file(other)
    return first.keys() == second.keys() and all(
        torch.allclose(first[name], second[name], rtol=0, atol=WITHIN) for name in first
    )


def status_of(run: Path) -> TrainingStatus:
    status = RunFolder(run).status()
    assert status is not None
    return status


def begun_by(run: Path, name: str, step: int) -> None:
    """A run of this name, as if `run` had been killed after that step."""
    again = run.with_name(name)
    shutil.copytree(run, again)
    for left in ("adapter", "model"):
        shutil.rmtree(again / left, ignore_errors=True)
    for checkpoint in (again / "checkpoints").iterdir():
        if int(checkpoint.name.split("-")[1]) > step:
            shutil.rmtree(checkpoint)
    RunFolder(again).set_status(TrainingStatus(TrainingState.TRAINING))


def test_two_processes_learn_what_one_does(
    one: Path, two: subprocess.CompletedProcess[str], home: Path
) -> None:
    assert two.returncode == 0, two.stderr
    run = home / "runs/two"
    assert losses(run) == pytest.approx(losses(one), abs=WITHIN)
    assert len(losses(run)) == 6
    assert same_weights(run / ADAPTER, one / ADAPTER)
    held = [metric.held_out_loss for metric in RunFolder(run).metrics()]
    assert held == pytest.approx([metric.held_out_loss for metric in RunFolder(one).metrics()], abs=WITHIN)
    assert status_of(run).state is TrainingState.DONE


def test_only_the_first_writes_and_the_state_of_each_is_kept(
    one: Path, two: subprocess.CompletedProcess[str], home: Path
) -> None:
    run, checkpoint = home / "runs/two", home / "runs/two/checkpoints/checkpoint-3"
    assert two.stdout.count("Done.") == 1
    assert two.stderr == ""
    written = {path.name for path in run.iterdir()} - {".lock", "request.json"}
    assert written == {path.name for path in one.iterdir()} - {".lock"}
    assert json.loads((run / "manifest.json").read_text(encoding="utf-8"))["processes"] == 2
    random_states = [
        load_file(checkpoint / name)["torch"] for name in ("random.safetensors", "random-1.safetensors")
    ]
    assert not torch.equal(*random_states)


def test_a_checkpoint_of_two_goes_on_in_one(
    two: subprocess.CompletedProcess[str], home: Path, settings: SftSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun_by(home / "runs/two", "two-one", 3)
    for count, most in ASKED_BY_THE_COMMAND.items():
        monkeypatch.setattr(preparing, count, most)

    run = train(replace(settings, name="two-one", resume=True, micro_batch=4), home, device="cpu")

    assert same_weights(run / ADAPTER, home / "runs/two" / ADAPTER)
    assert losses(run) == pytest.approx(losses(home / "runs/two"), abs=WITHIN)


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_of_one_goes_on_in_two(
    kind: Distributed, one_full: Path, home: Path, settings: SftSettings
) -> None:
    """All weights are learned; the step after the checkpoint lies in the middle of an epoch."""
    name = f"one-{kind}"
    begun_by(one_full, name, 3)
    full = replace(settings, name=name, method="full", learning_rate=3e-5, resume=True, distributed=kind)

    pair = learned_by_two(full, home)

    assert pair.codes == (0, 0), "\n".join(pair.said)
    run = home / "runs" / name
    assert same_weights(run / MODEL, one_full / MODEL)
    assert losses(run) == pytest.approx(losses(one_full), abs=WITHIN)
    last = "checkpoints/checkpoint-6"
    for file in ("weights.safetensors", "optimizer.safetensors"):
        assert same_weights(run / last / file, one_full / last / file), file


def test_two_that_go_on_drop_out_what_they_would_have(home: Path, settings: SftSettings) -> None:
    """Each process has the state of its own chance back."""
    dropping = replace(settings, name="dropping", lora_dropout=0.3, distributed="ddp")
    assert learned_by_two(dropping, home).codes == (0, 0)
    whole = home / "runs/dropping"
    begun_by(whole, "dropping-on", 3)

    pair = learned_by_two(replace(dropping, name="dropping-on", resume=True), home)

    assert pair.codes == (0, 0), "\n".join(pair.said)
    assert same_weights(home / "runs/dropping-on" / ADAPTER, whole / ADAPTER)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stop_that_the_second_hears_ends_both_at_one_step(
    kind: Distributed, one: Path, home: Path, settings: SftSettings
) -> None:
    """And one process goes on from there."""
    stopped = replace(settings, name=f"stopped-{kind}", distributed=kind)

    pair = learned_by_two(stopped, home, stop)

    run = home / "runs" / f"stopped-{kind}"
    assert pair.codes == (130, 2), "\n".join(pair.said)
    assert [text.count("Stopped after step 3") for text in pair.said] == [1, 0]
    assert (status_of(run).state, status_of(run).step) == (TrainingState.STOPPED, 3)
    assert losses(run) == pytest.approx(losses(one)[:3], abs=WITHIN)

    train(replace(stopped, resume=True, distributed="none", micro_batch=4), home, device="cpu")
    assert same_weights(run / ADAPTER, one / ADAPTER)
    before, wanted = (json.loads((path / "before.json").read_text(encoding="utf-8")) for path in (run, one))
    assert before["held_out"]["loss"] == pytest.approx(wanted["held_out"]["loss"], abs=WITHIN)
    assert before["learned_answers"] == wanted["learned_answers"]


@pytest.mark.parametrize(
    ("happens", "codes", "said", "code"),
    [
        (run_out_of_memory, (2, 2), "Memory ran out in step 3. Set micro_batch to 1", "out-of-memory"),
        (die, (2, -9), "Another process of this training ended without a word", "error"),
    ],
    ids=["fails", "dies"],
)
def test_a_fault_of_the_second_ends_both_and_is_told_once(
    happens: Callable[[], None],
    codes: tuple[int, int],
    said: str,
    code: str,
    home: Path,
    settings: SftSettings,
) -> None:
    name = f"fault-{code}"

    pair: Pair = learned_by_two(replace(settings, name=name, distributed="ddp"), home, happens)

    assert pair.codes == codes, "\n".join(pair.said)
    assert "".join(pair.said).count(said) == 1
    status: Any = status_of(home / "runs" / name)
    assert (status.state, status.error_code) == (TrainingState.FAILED, code)
    assert said in status.error
