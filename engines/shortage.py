"""Running out of memory: how it is recognized on any device, and how what it left behind is freed."""

from __future__ import annotations

import gc
import threading
import traceback

import torch

DEVICE_CALLS = threading.RLock()
"""Held while a step is captured, and by whoever frees cached memory: the allocator bears no other at once."""
_SAID = ("out of memory", "can't allocate memory", "not enough memory", "defaultcpuallocator")


def is_shortage(error: BaseException) -> bool:
    """Whether an error says, by its type or its words, that memory ran out."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _SAID)


def drop_tracebacks(error: BaseException) -> None:
    """Cut an error loose from the frames, and so from the tensors, that it holds."""
    if error.__traceback__ is not None:
        traceback.clear_frames(error.__traceback__)
    error.__traceback__ = None
    error.__context__ = error.__cause__ = None


def clear_device_cache(device: torch.device) -> None:
    """Collect what nothing refers to any more; on a GPU, hand the cached blocks back too."""
    gc.collect()
    if device.type == "cuda":
        with DEVICE_CALLS, torch.cuda.device(device):
            torch.cuda.empty_cache()
