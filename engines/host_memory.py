"""Host memory that weights are parked in: how much there is, blocks of it, and copies to and from a device.

From pinned blocks a card reads at the speed of its bus. The plain ones are what those are made of, and all
that a network on the processor needs. What lies in a block is not known here.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import torch

from engines.shortage import DEVICE_CALLS

_CGROUPS = (
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current"),
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
)
"""Where Linux says what a container may take and takes, in the second and the first version."""
_FILE_PAGES = ("inactive_file ", "active_file ")


def available_on_host() -> int:
    """What can still be had without swapping; in a container no more than its own limit leaves."""
    available = psutil.virtual_memory().available
    for folder, limit, used in _CGROUPS:
        with suppress(OSError, ValueError):  # "max" is no number: no limit
            left = int((folder / limit).read_text()) - int((folder / used).read_text())
            lines = (folder / "memory.stat").read_text().splitlines()
            cached = sum(int(line.split()[1]) for line in lines if line.startswith(_FILE_PAGES))
            available = min(available, max(0, left + cached))
    return available


class HostMemory:
    """Plain blocks, each of whole pages of its own."""

    def take(self, size: int) -> torch.Tensor:
        """A block of bytes; raises where it cannot be had."""
        if hasattr(mmap, "MAP_PRIVATE"):
            pages = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        else:
            pages = mmap.mmap(-1, size)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            with suppress(OSError):  # a kernel may be built without
                pages.madvise(mmap.MADV_HUGEPAGE)
        return torch.frombuffer(pages, dtype=torch.uint8)

    def give_back(self, block: torch.Tensor) -> None:
        """Before the last reference to a block is dropped, which unmaps its pages."""

    @contextmanager
    def copying(self) -> Iterator[None]:
        """Copies that are begun within have arrived at its end."""
        yield


class PinnedMemory(HostMemory):
    """Plain blocks registered with CUDA: torch's own pinned memory is rounded up to powers of two."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream: torch.cuda.Stream | None = None

    def take(self, size: int) -> torch.Tensor:
        block = super().take(size).fill_(0)  # by all threads; the driver would touch page after page
        self._pin(block)
        return block

    def give_back(self, block: torch.Tensor) -> None:
        with DEVICE_CALLS, torch.cuda.device(self._device):
            torch.cuda.cudart().cudaHostUnregister(block.data_ptr())

    def _pin(self, block: torch.Tensor) -> None:
        with torch.cuda.device(self._device):
            failed = int(torch.cuda.cudart().cudaHostRegister(block.data_ptr(), block.nbytes, 0))
        if failed:
            # The runtime tells an error again to the thread's next kernel, whosever that is.
            with suppress(RuntimeError):
                torch.ones(1, device=self._device)
            raise MemoryError(f"{block.nbytes} bytes could not be pinned: CUDA error {failed}")

    @contextmanager
    def copying(self) -> Iterator[None]:
        """On a stream of its own, after all that was launched before."""
        if self._stream is None:
            self._stream = torch.cuda.Stream(self._device)
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        try:
            with torch.cuda.stream(self._stream):
                yield
        finally:
            self._stream.synchronize()
