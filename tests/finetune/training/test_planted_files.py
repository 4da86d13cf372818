"""Pickles planted in a run: none is ever opened, whatever it is called; and a run writes none itself.

Run: python -m pytest tests/finetune/training/test_planted_files.py
"""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from errors import Stopped, Unsafe
from finetune.run_folder import RunFolder
from finetune.training.checkpoints import Checkpoints
from finetune.training.sft import train
from model_registry.registry import load_registry
from tests.engines.running_engine import answer_of, open_engine
from tests.finetune.training.training_house import ADAPTER, add_base, long_settings, terminate_at

pytestmark = pytest.mark.usefixtures("few_questions")

PLANTED = (
    "optimizer.pt",
    "optimizer.bin",
    "scheduler.pt",
    "scaler.pt",
    "rng_state.pth",
    "rng_state_0.pth",
    "training_args.bin",
    "adapter_model.bin",
    "pytorch_model.bin",
    "value_head.pt",
    "value_head.bin",
)


class _Canary:
    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self._mark),)


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """Is there once one of the pickles was read."""
    mark = tmp_path / "canary"
    pickle.loads(pickle.dumps(_Canary(mark)))
    assert mark.exists()
    mark.rmdir()
    return mark


def plant(folder: Path, canary: Path) -> None:
    for name in PLANTED:
        (folder / name).write_bytes(pickle.dumps(_Canary(canary)))


def test_a_run_goes_on_past_planted_pickles(data: Path, home: Path, canary: Path) -> None:
    settings = long_settings(data, epochs=1.0)
    whole = train(replace(settings, name="whole"), home, device="cpu")
    with pytest.raises(Stopped):
        train(settings, home, device="cpu", show=terminate_at(2))
    run = RunFolder(home / "runs/small")
    for folder in (
        run.path,
        run.checkpoints,
        *(found.path for found in Checkpoints(run.checkpoints, 1).all()),
    ):
        plant(folder, canary)

    again = train(replace(settings, resume=True), home, device="cpu")

    assert not canary.exists()
    one, other = (load_file(path / ADAPTER) for path in (again, whole))
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_writes_nothing_that_could_run_code(data: Path, home: Path) -> None:
    run = RunFolder(train(long_settings(data, epochs=1.0), home, device="cpu"))

    kinds = {path.suffix for path in run.path.rglob("*") if path.is_file() and path.name != ".lock"}
    assert kinds == {".json", ".jsonl", ".md", ".safetensors"}


def test_a_checkpoint_of_pickles_alone_is_no_checkpoint(data: Path, home: Path, canary: Path) -> None:
    folder = home / "runs/small/checkpoints/checkpoint-3"
    folder.mkdir(parents=True)
    plant(folder, canary)

    train(long_settings(data, epochs=1.0, resume=True), home, device="cpu")

    assert not canary.exists()
    assert [path.name.startswith("aside-checkpoint-3") for path in folder.parent.iterdir()].count(True) == 1


def test_a_base_of_pickles_is_refused(
    data: Path, home: Path, canary: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pickled"
    folder.mkdir()
    for path in tiny_folder.iterdir():
        if path.suffix != ".safetensors":
            (folder / path.name).write_bytes(path.read_bytes())
    plant(folder, canary)
    add_base(home, folder, "gpt_neox", "pickled", prompt_format="koalpaca")

    with pytest.raises(Unsafe, match="could run code"):
        train(long_settings(data, base_model="pickled"), home, device="cpu")

    assert not canary.exists()


def test_the_engine_takes_a_tuned_adapter_past_planted_pickles(data: Path, home: Path, canary: Path) -> None:
    run = RunFolder(train(long_settings(data, epochs=1.0), home, device="cpu"))
    plant(run.adapter, canary)
    models = load_registry(home / "models").models

    with open_engine({name: models[name] for name in ("tiny", "small")}) as running:
        assert answer_of(running.ask("small")).error is None

    assert not canary.exists()
