"""Checkpoints on disk: whole or not there, the newest sound one counts, broken ones are left alone.

Run: python -m pytest tests/finetune/training/test_checkpoints.py
"""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finetune.training.checkpoints import MANIFEST, Checkpoints, fault_of
from finetune.training.faults import is_disk_full
from tests.finetune.training.training_house import processes


def fill_with(text: str, files: int = 3) -> Callable[[Path], None]:
    def fill(folder: Path) -> None:
        for number in range(files):
            (folder / f"part-{number}").write_text(text * 1000, encoding="utf-8")

    return fill


def saved(folder: Path, *steps: int, keep: int = 10) -> Checkpoints:
    checkpoints = Checkpoints(folder, keep)
    for step in steps:
        checkpoints.save(step, fill_with(str(step)))
    return checkpoints


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_older_checkpoints_than_are_kept_are_deleted(tmp_path: Path) -> None:
    saved(tmp_path, 2, 4, 10, keep=2)

    assert names(tmp_path) == ["checkpoint-10", "checkpoint-4"]


def test_a_broken_later_checkpoint_does_not_crowd_out_the_one_just_written(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path, 1, 9, keep=1)
    (tmp_path / "checkpoint-9/part-0").write_text("broken")

    checkpoints.save(5, fill_with("5"))

    assert names(tmp_path) == ["checkpoint-5", "checkpoint-9"]
    assert checkpoints.find().newest.step == 5  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda path: (path / "part-1").write_text("other"), "part-1 is not what was written"),
        (lambda path: (path / "part-1").write_text("3" * 999 + "4"), "part-1 is not what was written"),
        (lambda path: (path / "part-2").unlink(), "part-2 is missing"),
        (lambda path: (path / MANIFEST).unlink(), "it was not finished"),
        (lambda path: (path / MANIFEST).write_text("{"), "its manifest cannot be read"),
        (lambda path: (path / MANIFEST).write_text('{"files": {}}'), "its manifest names no files"),
        (lambda path: (path / MANIFEST).write_text('{"files": {"../x": {}}}'), "../x is missing"),
    ],
)
def test_a_run_goes_on_from_the_newest_sound_one_and_leaves_broken_ones_alone(
    tmp_path: Path, harm: Callable[[Path], object], said: str
) -> None:
    checkpoints = saved(tmp_path, 1, 2, 3)
    harm(tmp_path / "checkpoint-3")

    found = checkpoints.find()

    assert found.newest is not None and found.newest.step == 2
    assert found.broken == (f"checkpoint-3 was passed over: {said}.",)
    checkpoints.save(3, fill_with("3"))
    assert checkpoints.find().newest.step == 3  # type: ignore[union-attr]
    assert [name.startswith("aside-checkpoint-3") for name in names(tmp_path)].count(True) == 1


def test_a_file_that_leads_elsewhere_is_not_trusted(tmp_path: Path) -> None:
    saved(tmp_path / "here", 1)
    part = tmp_path / "here/checkpoint-1/part-0"
    part.rename(tmp_path / "there")
    part.symlink_to(tmp_path / "there")

    assert fault_of(tmp_path / "here/checkpoint-1") == "part-0 is missing"


def test_a_fault_while_writing_leaves_what_was_there(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path, 1)

    def breaks(folder: Path) -> None:
        fill_with("2")(folder)
        raise ValueError

    with pytest.raises(ValueError):
        checkpoints.save(2, breaks)

    assert names(tmp_path) == ["checkpoint-1"]


def test_killed_at_each_write_of_a_save_the_newest_is_always_whole(tmp_path: Path) -> None:
    """Each time one write later, until the save is done before it is killed."""
    folder = tmp_path / "run"
    for writes in range(1, 100):
        saved(folder, 1, 2, keep=1)
        process = processes().Process(target=_save_and_die, args=(folder, writes))
        process.start()
        process.join(30)
        checkpoints = Checkpoints(folder, 1)
        checkpoints.sweep()
        found = checkpoints.find()
        assert found.newest is not None and found.newest.step in (2, 3), f"killed at write {writes}"
        assert all(fault_of(checkpoint.path) is None for checkpoint in checkpoints.all())
        assert not list(folder.glob("tmp-*"))
        if process.exitcode == 0:
            break
        for checkpoint in checkpoints.all():
            for path in checkpoint.path.iterdir():
                path.unlink()
            checkpoint.path.rmdir()
    assert process.exitcode == 0 and writes > 6


def _save_and_die(folder: Path, writes: int) -> None:
    left = iter(range(writes))
    for name in ("fsync", "rename"):
        setattr(os, name, _killing(getattr(os, name), left))
    Checkpoints(folder, 1).save(3, fill_with("3"))
    os._exit(0)


def _killing(call: Callable[..., Any], left: Any) -> Callable[..., Any]:
    def killed(*rest: Any) -> Any:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*rest)

    return killed


def test_a_disk_that_is_full_is_told_and_the_last_checkpoint_is_whole(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    process = processes().Process(target=_save_too_much, args=(tmp_path,))
    process.start()
    process.join(30)

    assert process.exitcode == 0
    assert names(tmp_path) == ["checkpoint-1"] and fault_of(tmp_path / "checkpoint-1") is None


def _save_too_much(folder: Path) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    recognized = []
    for fill in (fill_with("x" * 20), _too_many_weights):
        try:
            Checkpoints(folder, 1).save(2, fill)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be recognized
            recognized.append(is_disk_full(error))
    os._exit(0 if recognized == [True, True] else 1)


def _too_many_weights(folder: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"weights": torch.zeros(9_999)}, folder / "weights.safetensors")


def test_a_manifest_tells_sizes_and_hashes(tmp_path: Path) -> None:
    saved(tmp_path, 7)

    manifest = json.loads((tmp_path / "checkpoint-7" / MANIFEST).read_text(encoding="utf-8"))

    assert manifest["step"] == 7 and manifest["files"]["part-0"]["bytes"] == 1000
