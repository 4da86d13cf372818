"""What ends a training, said in a sentence with what to change.

Knows: a full disk by its many names, and how a loss that is no number is told.
Refuses to know: how a training goes on afterwards, and in which order settings are lowered (planning).
"""

from __future__ import annotations

import errno
from collections.abc import Sequence

from engines.shortage import is_shortage
from errors import BadRequest, NaraniError, NoRoom, OutOfMemory
from finetune.planning import lower_and_lower
from finetune.run_folder import TrainingState
from finetune.run_settings import RunSettings

_MOST_SOURCES = 8
_WHILE = {
    TrainingState.PREPARING: "while the base was loaded",
    TrainingState.MEASURING: "while measuring",
    TrainingState.SAVING: "while saving",
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
        named = ", ".join(sources[:_MOST_SOURCES])
        more = f" and {len(sources) - _MOST_SOURCES} more" if len(sources) > _MOST_SOURCES else ""
        super().__init__(
            f"The {what} of step {step} was not a number. It came from {named}{more}. Look at these rows; "
            "if they are sound, lower learning_rate to a third.",
            step=step,
            sources=list(sources),
        )


def explained(
    error: Exception, settings: RunSettings, state: TrainingState, step: int, kept: int | None
) -> NaraniError:
    """The error to show; `step`: the last one that was made, `kept`: of the newest checkpoint."""
    step = max(step, kept or 0)
    if is_disk_full(error):
        return DiskFull(f"The disk is full, so step {step} could not be saved. {_kept(kept)}", step=step)
    if is_shortage(error) or isinstance(error, NoRoom):
        return out_of_memory(settings, state, step, kept)
    if isinstance(error, NaraniError):
        return error
    return NaraniError(
        f"The training broke after step {step} ({type(error).__name__}: {_first_line(error)}). {_kept(kept)}",
        step=step,
    )


def out_of_memory(settings: RunSettings, state: TrainingState, step: int, kept: int | None) -> OutOfMemory:
    learning = state is TrainingState.TRAINING
    name, value, why = smaller(settings, learning)
    where = f"in step {step + 1}" if learning else _WHILE.get(state, "")
    change = f"Set {name} to {value}" if name else "Choose a smaller base model"
    return OutOfMemory(
        f"Memory ran out {where}. {change} ({why}). {_kept(kept)}", step=step, setting=name, value=value
    )


def smaller(settings: RunSettings, learning: bool = True) -> tuple[str, str, str]:
    """(setting, new value, why): the cheapest change that needs less memory.

    `learning`: it ran out in a step."""
    for name, changed in lower_and_lower(settings, in_a_step=learning):
        before = f"it is {getattr(settings, name)}"
        why = {
            "micro_batch": before if settings.batch is None else f"{before}; batch stays {settings.batch}",
            "gradient_checkpointing": "slower, and needs far less for activations",
        }
        return name, str(getattr(changed, name)).lower(), why.get(name, before)
    return "", "", "every setting that saves memory is in use"


def is_disk_full(error: BaseException) -> bool:
    """safetensors wraps what the system said into an error of its own."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    text = str(error).lower()
    return type(error).__name__ == "SafetensorError" and any(words in text for words in _SAYS_FULL)


def refuse_unfit(settings: RunSettings, on_gpu: bool) -> None:
    """What cannot work here is said before anything is read or loaded."""
    if settings.optimizer == "adamw-8bit" and not on_gpu:
        raise BadRequest("The optimizer adamw-8bit needs a GPU. Choose adamw or adafactor.", name="optimizer")
    if settings.precision == "float16" and not on_gpu:
        raise BadRequest("A processor does not train in float16. Choose auto or float32.", name="precision")


def _kept(kept: int | None) -> str:
    if kept is None:
        return "No checkpoint had been written yet."
    return f"The checkpoint of step {kept} is whole; go on from it with --resume."


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:200]
