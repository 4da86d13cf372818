"""Our settings in the words of transformers' TrainingArguments, and of TRL's that extend them.

Knows: which of its many switches follow from a setting, and which must be off for our checkpoints.
Refuses to know: networks and data.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import TrainingArguments

from errors import BadRequest
from finetune.distributed.configs import shared
from finetune.distributed.process_group import ALONE, ProcessGroup
from finetune.run_settings import RunSettings

Arguments = TypeVar("Arguments", bound=TrainingArguments)
_OPTIMIZERS = {"adamw": "adamw_torch", "adamw-8bit": "paged_adamw_8bit", "adafactor": "adafactor"}

_OURS: dict[str, Any] = {
    # Pace asks for every checkpoint, and ResumableTrainer writes it; Trainer's own saving stays off.
    "save_strategy": "no",
    "eval_strategy": "no",
    "logging_strategy": "steps",
    "logging_steps": 1,
    "logging_nan_inf_filter": False,
    "disable_tqdm": True,
}


def trainer_arguments(
    kind: type[Arguments],
    settings: RunSettings,
    run: Path,
    device: torch.device,
    compute: torch.dtype,
    group: ProcessGroup = ALONE,
    **more: Any,
) -> Arguments:
    """For any of transformers' or TRL's trainers. `settings`: those of a StepPlan, with everything decided;
    `compute`: the type that activations have; what is learned is float32 all the same."""
    assert settings.epochs is not None and settings.learning_rate is not None
    on_gpu = device.type == "cuda"
    made = kind(
        output_dir=str(run / "checkpoints"),
        per_device_train_batch_size=settings.micro_batch,
        num_train_epochs=settings.epochs,
        max_steps=settings.max_steps or -1,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        optim=_OPTIMIZERS[settings.optimizer],
        adam_beta1=settings.adam_betas[0],
        adam_beta2=settings.adam_betas[1],
        **shared(group.kind, compute if on_gpu else torch.float32),
        use_cpu=not on_gpu,
        gradient_checkpointing=settings.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False} if settings.gradient_checkpointing else None,
        seed=settings.seed,
        dataloader_pin_memory=on_gpu,
        report_to=_reporters(settings, run) if group.first else [],
        run_name=run.name,
        **_OURS,
        **more,
    )
    if made.n_gpu > 1:
        # Without a launcher Trainer would spread one network over all GPUs that it sees, which TRL refuses.
        made._n_gpu = 1
    return made


def _reporters(settings: RunSettings, run: Path) -> list[str]:
    missing = [name for name in settings.report_to if find_spec(name) is None]
    if missing:
        raise BadRequest("report-to-missing", library=missing[0], name="report_to")
    if "tensorboard" in settings.report_to:
        # The only way to say where.
        os.environ["TENSORBOARD_LOGGING_DIR"] = str(run / "tensorboard")
    return list(settings.report_to)
