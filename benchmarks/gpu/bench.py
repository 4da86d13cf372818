"""What the checks of a card stand on: the shapes, their files, and what a check hands back.

Knows: the real shapes and their CPU-sized stand-ins, and how a figure is written down.
Refuses to know: what is checked.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.networks import Shape, bytes_of, save_random, spec_of
from engines.shortage import clear_device_cache
from errors import AS_WRITTEN, NaraniError
from model_registry.spec import ModelSpec
from settings import format_bytes

NEOX, TWIN, LLAMA, SMALL = "polyglot-5.8b", "polyglot-5.8b-twin", "llama-2-7b", "polyglot-1.3b"
"""The twin has the same weights under another name, so that a third model needs no third file."""


class Skipped(NaraniError):
    """This machine cannot do what a check needs; the sentence says what is missing."""


@dataclass(frozen=True)
class Scale:
    """How big everything is."""

    device: str
    neox: Shape
    llama: Shape
    small: Shape
    """So small that all of it can learn on one card."""
    prompt_tokens: int
    answer_tokens: int
    long_answer: int
    """So long that its cache does not fit what a shortage leaves."""
    block_tokens: int
    """That one step learns from."""
    copied_bytes: int
    matrix: int
    """Rows and columns of the matrices by which the device's rate of multiplying is measured."""
    slack: int
    """Bytes that may differ between two readings of the same state: workspaces of the libraries."""

    @property
    def is_card(self) -> bool:
        return self.device != "cpu"


CARD = Scale(
    device="cuda:0",
    neox=Shape("gpt_neox", 4096, 28, 16, 16384, vocabulary=30080, dtype=torch.bfloat16),
    llama=Shape("llama", 4096, 32, 32, 11008, vocabulary=32000, dtype=torch.bfloat16),
    small=Shape("gpt_neox", 2048, 24, 16, 8192, vocabulary=30080, dtype=torch.bfloat16),
    prompt_tokens=256,
    answer_tokens=256,
    long_answer=1700,
    block_tokens=2048,
    copied_bytes=4 * 2**30,
    matrix=8192,
    slack=200 * 2**20,
)
PROCESSOR = Scale(
    device="cpu",
    neox=Shape("gpt_neox", 128, 2, 4, 512, dtype=torch.bfloat16),
    llama=Shape("llama", 128, 2, 4, 384, dtype=torch.bfloat16),
    small=Shape("gpt_neox", 128, 2, 4, 512, dtype=torch.bfloat16),
    prompt_tokens=24,
    answer_tokens=32,
    long_answer=64,
    block_tokens=32,
    copied_bytes=2**26,
    matrix=256,
    slack=0,
)


@dataclass(frozen=True)
class Bench:
    """The scale, and an entry for each model."""

    scale: Scale
    specs: dict[str, ModelSpec]

    def only(self, *names: str) -> dict[str, ModelSpec]:
        return {name: self.specs[name] for name in names}


@dataclass(frozen=True)
class Fact:
    """One figure."""

    what: str
    value: float
    unit: str = ""

    def __str__(self) -> str:
        if self.unit == "bytes":
            return f"{self.what}: {format_bytes(self.value)}"
        written = f"{self.value:,.0f}" if abs(self.value) >= 1000 else f"{self.value:.3g}"
        return f"{self.what}: {written} {self.unit}".rstrip()


@dataclass(frozen=True)
class Finding:
    """What a check saw; it holds where nothing is wrong."""

    facts: tuple[Fact, ...]
    wrong: tuple[str, ...] = ()


@contextmanager
def set_up(scale: Scale) -> Iterator[Bench]:
    """Make the weights on the device and write them once, where there is room for them."""
    shapes = {NEOX: scale.neox, LLAMA: scale.llama, SMALL: scale.small}
    with _folder_with_room(sum(map(bytes_of, shapes.values()))) as root:
        specs = {}
        for seed, (name, shape) in enumerate(shapes.items(), start=1):
            folder = save_random(root / name, shape, seed=seed, device=scale.device)
            specs[name] = spec_of(name, folder, shape)
            clear_device_cache(torch.device(scale.device))
        yield Bench(scale, {**specs, TWIN: spec_of(TWIN, root / NEOX, scale.neox)})


def wait_for(device: torch.device) -> None:
    """Until all that was asked of it is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def faults(*checks: tuple[bool, str]) -> tuple[str, ...]:
    """The sentences whose condition does not hold."""
    return tuple(sentence for holds, sentence in checks if not holds)


@contextmanager
def _folder_with_room(needed: int) -> Iterator[Path]:
    """In memory where that is large enough: reading is then as fast as it gets."""
    places = [Path("/dev/shm"), Path(tempfile.gettempdir())]
    for place in places:
        if place.is_dir() and shutil.disk_usage(place).free > needed * 1.1:
            with tempfile.TemporaryDirectory(dir=place, prefix="narani-") as folder:
                yield Path(folder)
            return
    raise NaraniError(
        AS_WRITTEN,
        sentence=f"No place for {format_bytes(needed)} of random weights. Point TMPDIR at a larger disk.",
    )
