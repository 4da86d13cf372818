"""What ends a training, said in a sentence with what to change.

Knows: a full disk by its many names, and how a loss that is no number is told.
Refuses to know: how a training goes on afterwards, and in which order settings are lowered (planning).
"""

from __future__ import annotations

import errno
from collections.abc import Sequence

from engines.shortage import is_shortage
from errors import BadRequest, Cause, NaraniError, NoRoom, OutOfMemory
from finetune.planning import lower_and_lower
from finetune.run_folder import TrainingState
from finetune.run_settings import RunSettings

_MOST_SOURCES = 8
_WHILE = {
    TrainingState.PREPARING: "while-loading-base",
    TrainingState.MEASURING: "while-measuring",
    TrainingState.SAVING: "while-saving",
}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SAYS_FULL = ("no space left on device", "disk quota exceeded", "file too large")


class DiskFull(NaraniError):
    """A checkpoint or a model could not be written; what was saved before is whole."""

    category = "disk-full"


class NotANumber(NaraniError):
    """The loss or the gradients became infinite or not a number; names the rows of that batch."""

    category = "not-a-number"

    def __init__(self, what: str, step: int, sources: Sequence[str]) -> None:
        more = len(sources) - _MOST_SOURCES
        super().__init__(
            "not-a-number-of-many" if more > 0 else "not-a-number",
            what=what,
            step=step,
            named=sources[:_MOST_SOURCES],
            more=more,
            sources=list(sources),
        )


def explained(
    error: Exception, settings: RunSettings, state: TrainingState, step: int, kept: int | None
) -> NaraniError:
    """The error to show; `step`: the last one that was made, `kept`: of the newest checkpoint."""
    step = max(step, kept or 0)
    if is_disk_full(error):
        return DiskFull("training-disk-full", step=step, kept=_kept(kept))
    if is_shortage(error) or isinstance(error, NoRoom):
        return out_of_memory(settings, state, step, kept)
    if isinstance(error, NaraniError):
        return error
    return NaraniError(
        "training-broke-after",
        step=step,
        kind=type(error).__name__,
        said=_first_line(error),
        kept=_kept(kept),
    )


def out_of_memory(settings: RunSettings, state: TrainingState, step: int, kept: int | None) -> OutOfMemory:
    learning = state is TrainingState.TRAINING
    name, value, why = smaller(settings, learning)
    return OutOfMemory(
        "training-ran-out-set" if name else "training-ran-out",
        where=Cause("in-step", step=step + 1) if learning else Cause(_WHILE.get(state, "while-working")),
        setting=name,
        value=value,
        why=why,
        kept=_kept(kept),
        step=step,
    )


def smaller(settings: RunSettings, learning: bool = True) -> tuple[str, str, Cause]:
    """(setting, new value, why): the cheapest change that needs less memory.

    `learning`: it ran out in a step."""
    for name, changed in lower_and_lower(settings, in_a_step=learning):
        before = getattr(settings, name)
        why = Cause("setting-is", value=before)
        if name == "micro_batch" and settings.batch is not None:
            why = Cause("setting-is-batch-stays", value=before, batch=settings.batch)
        elif name == "gradient_checkpointing":
            why = Cause("slower-but-smaller")
        return name, str(getattr(changed, name)).lower(), why
    return "", "", Cause("all-savings-in-use")


def is_disk_full(error: BaseException) -> bool:
    """safetensors wraps what the system said into an error of its own."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    text = str(error).lower()
    return type(error).__name__ == "SafetensorError" and any(words in text for words in _SAYS_FULL)


def refuse_unfit(settings: RunSettings, on_gpu: bool) -> None:
    """What cannot work here is said before anything is read or loaded."""
    if settings.optimizer == "adamw-8bit" and not on_gpu:
        raise BadRequest("adamw-8bit-needs-gpu", name="optimizer")
    if settings.precision == "float16" and not on_gpu:
        raise BadRequest("float16-needs-gpu", name="precision")


def _kept(kept: int | None) -> Cause:
    return Cause("no-checkpoint-yet") if kept is None else Cause("checkpoint-whole", step=kept)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:200]
