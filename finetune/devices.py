"""The devices of this machine, for the memory plan of the command line and of the app alike.

Knows: that torch is imported here alone, and only when it is asked.
Refuses to know: what is planned.
"""

from __future__ import annotations

from finetune.planning import Device


def devices_here(all_gpus: bool) -> tuple[Device, ...]:
    """The GPUs that would train (one, or all where they share the work), or else the machine's own memory."""
    import psutil

    try:
        import torch
    except ImportError:
        gpus = 0
    else:
        gpus = torch.cuda.device_count()
    if not gpus:
        memory = psutil.virtual_memory()
        return (Device("this machine's memory (no GPU)", memory.available, memory.total, is_gpu=False),)
    return tuple(_gpu(number) for number in range(gpus if all_gpus else 1))


def _gpu(number: int) -> Device:
    import torch

    from engines.devices import free_bytes

    place = torch.device("cuda", number)
    total = torch.cuda.get_device_properties(place).total_memory
    return Device(torch.cuda.get_device_name(place), free_bytes(place), total, is_gpu=True)
