"""How a training ends that cannot go on: one sentence, what to change, and the last checkpoint whole.

Run: python -m pytest tests/finetune/training/test_training_faults.py
"""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedTokenizerFast

from errors import AS_WRITTEN, BadRequest, NaraniError, NoRoom, OutOfMemory, Unsafe
from finetune.run_folder import RunFolder, TrainingState
from finetune.sft_settings import SftSettings
from finetune.training.checkpoints import Checkpoints, fault_of
from finetune.training.faults import NotANumber, explained, smaller
from finetune.training.sft import train
from finetune.training.trainer import Tuner
from tests.engines.tiny_models import make_tiny_model
from tests.finetune.training.training_house import add_base, small_settings

pytestmark = pytest.mark.usefixtures("few_questions")


def settings_of(**changes: Any) -> SftSettings:
    return replace(SftSettings(base_model="x", data=("y",)), **changes)


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({"batch": 32, "micro_batch": 4}, "micro_batch", "2"),
        ({"batch": 9, "micro_batch": 9}, "micro_batch", "3"),
        ({"batch": 7, "micro_batch": 7}, "micro_batch", "1"),
        ({"micro_batch": 1}, "gradient_checkpointing", "true"),
        ({"micro_batch": 1, "gradient_checkpointing": True, "method": "full"}, "method", "lora"),
        ({"micro_batch": 1, "gradient_checkpointing": True}, "method", "qlora"),
        ({"micro_batch": 1, "gradient_checkpointing": True, "method": "qlora"}, "max_tokens", "512"),
        (
            {"micro_batch": 1, "gradient_checkpointing": True, "method": "qlora", "max_tokens": 128},
            "",
            "",
        ),
    ],
)
def test_what_to_lower_when_memory_runs_out(changes: dict[str, Any], name: str, value: str) -> None:
    settings = settings_of(**changes)

    assert smaller(settings)[:2] == (name, value)
    if name == "micro_batch":
        assert settings.batch and settings.batch % int(value) == 0


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), OutOfMemory, "in step 6. Set micro_batch to 2"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), OutOfMemory, "batch stays 32"),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            NaraniError,
            "The disk is full, so step 5 could not",
        ),
        (OSError(errno.EACCES, "no"), NaraniError, "broke after step 5 (PermissionError"),
        (BadRequest(AS_WRITTEN, sentence="As it was."), BadRequest, "As it was."),
        (ValueError("odd\nTraceback"), NaraniError, "(ValueError: odd). The checkpoint of step 4 is whole"),
    ],
)
def test_every_fault_becomes_one_sentence(error: Exception, kind: type[NaraniError], said: str) -> None:
    failure = explained(error, settings_of(batch=32), TrainingState.TRAINING, step=5, kept=4)

    assert isinstance(failure, kind) and said in str(failure)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (
            TrainingState.PREPARING,
            "while the base was loaded. Set method to qlora (it is lora). No checkpoint",
        ),
        (TrainingState.MEASURING, "while measuring. Set method to qlora"),
        (TrainingState.TRAINING, "in step 1. Set micro_batch to 2"),
    ],
)
def test_where_memory_ran_out_decides_what_to_lower(state: TrainingState, said: str) -> None:
    error = (
        NoRoom(AS_WRITTEN, sentence="It does not fit.") if state is TrainingState.PREPARING else MemoryError()
    )

    assert said in str(explained(error, settings_of(), state, step=0, kept=None))


@pytest.fixture
def broken_at_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Exception], None]:
    """The machine fails in the middle of a step, after one checkpoint an epoch."""

    def breaks(step: int, error: Exception) -> None:
        plain = Tuner.compute_loss

        def compute_loss(self: Tuner, *rest: Any, **named: Any) -> Any:
            if self.state.global_step + 1 == step:
                raise error
            return plain(self, *rest, **named)

        monkeypatch.setattr(Tuner, "compute_loss", compute_loss)

    return breaks


def test_memory_that_runs_out_is_told_and_a_smaller_micro_batch_goes_on(
    data: Path, home: Path, broken_at_step: Callable[[int, Exception], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = small_settings(data, base_model="tiny", epochs=2.0)
    broken_at_step(3, torch.OutOfMemoryError("CUDA out of memory."))
    with pytest.raises(OutOfMemory, match="in step 3. Set micro_batch to 2 .* step 2 is whole"):
        train(settings, home, device="cpu")
    run = RunFolder(home / "runs/small")
    status = run.status()
    assert status is not None and (status.state, status.error_code) == (TrainingState.FAILED, "out-of-memory")
    monkeypatch.undo()

    train(replace(settings, micro_batch=2, resume=True), home, device="cpu")

    assert [metric.step for metric in run.metrics()] == [1, 2, 3, 4]


def test_a_loss_that_is_no_number_names_its_rows(data: Path, home: Path, tmp_path: Path) -> None:
    """A weight that overflows for one token only: the row that holds it is among those named."""
    folder = make_tiny_model(tmp_path / "overflowing")
    weights = load_file(folder / "model.safetensors")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    (rare,) = tokenizer.backend_tokenizer.encode("Z").ids
    weights["gpt_neox.embed_in.weight"][rare] = 3e38
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    add_base(home, folder, "gpt_neox", "overflowing", prompt_format="koalpaca")
    rows = [{"instruction": f"{n}번?", "output": "하나."} for n in range(40)]
    for number in (5, 15, 25):
        rows[number]["output"] = "Z"
    data.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")

    with pytest.raises(NotANumber, match="loss of step") as error:
        train(
            small_settings(data, base_model="overflowing", learning_rate=1e-5, batch=4, micro_batch=2),
            home,
            device="cpu",
        )

    sources = error.value.facts["sources"]
    assert (
        isinstance(sources, tuple)
        and len(sources) == 2
        and all(source in str(error.value) for source in sources)
    )
    assert {f"rows.jsonl, line {line}" for line in (6, 16, 26)} & set(sources)


def test_a_gradient_that_is_no_number_stops_before_the_weights_change(
    data: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Tuner.compute_loss

    def compute_loss(self: Tuner, *rest: Any, **named: Any) -> Any:
        loss = plain(self, *rest, **named)
        if self.state.global_step == 1:
            loss.register_hook(lambda gradient: gradient * float("nan"))
        return loss

    monkeypatch.setattr(Tuner, "compute_loss", compute_loss)

    with pytest.raises(NotANumber, match="gradient of step 2") as error:
        train(small_settings(data, base_model="tiny", checkpoint_steps=1), home, device="cpu")

    assert len(error.value.facts["sources"]) == 8
    assert [found.step for found in Checkpoints(home / "runs/small/checkpoints", 1).all()] == [1]


def test_a_full_disk_leaves_the_last_checkpoint_and_the_run_goes_on_later(
    data: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = small_settings(data, base_model="tiny", epochs=2.0, checkpoint_steps=1)
    plain = Checkpoints.save

    def full(self: Checkpoints, step: int, fill: Callable[[Path], None], spare: int | None) -> Any:
        def fills(folder: Path) -> None:
            fill(folder)
            if step == 3:
                raise OSError(errno.ENOSPC, "No space left on device")

        return plain(self, step, fills, spare)

    monkeypatch.setattr(Checkpoints, "save", full)
    with pytest.raises(NaraniError, match="disk is full, so step 3 could not be saved. .* step 2 is whole"):
        train(settings, home, device="cpu")
    folder = home / "runs/small/checkpoints"
    assert {path.name for path in folder.iterdir()} == {"checkpoint-1", "checkpoint-2"}
    assert fault_of(folder / "checkpoint-2") is None
    monkeypatch.undo()

    train(replace(settings, resume=True), home, device="cpu")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"optimizer": "adamw-8bit"}, "needs a GPU"),
        ({"precision": "float16"}, "does not train in float16"),
        ({"lora_targets": ("xxx",)}, "no linear layer in this model named 'xxx'"),
        ({"format": "koalpaka"}, "koalpaca"),
        ({"base_model": "tinny"}, "tiny"),
        ({"max_tokens": 8}, "Every answer lies beyond max_tokens"),
        ({"report_to": ("wandb",)}, "wandb is not installed"),
        ({"name": "../x"}, "cannot be the name of a run"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    data: Path, home: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(NaraniError) as error:
        train(small_settings(data, **{"base_model": "tiny", **changes}), home, device="cpu")

    assert said in str(error.value) and str(home) not in str(error.value)


def test_a_base_that_wants_to_run_its_own_code_is_refused(data: Path, home: Path, tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "own-code")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoConfig": "x.Y"}}))
    add_base(home, folder, "gpt_neox", "own-code", prompt_format="koalpaca")

    with pytest.raises(Unsafe, match="its own code"):
        train(small_settings(data, base_model="own-code"), home, device="cpu")
