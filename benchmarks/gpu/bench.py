"""What the checks of a card stand on: the shapes, their files, and what a check hands back.

Knows: the real shapes and their CPU-sized stand-ins, and how a figure is written down.
Refuses to know: what is checked.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

from benchmarks.networks import Shape, bytes_of, save_random, spec_of
from engines.shortage import clear_device_cache
from errors import AS_WRITTEN, NaraniError
from model_registry.spec import ModelSpec
from settings import format_bytes

NEOX, TWIN, LLAMA, SMALL = "polyglot-5.8b", "polyglot-5.8b-twin", "llama-2-7b", "polyglot-1.3b"
GROUPED = "llama-3-8b"
"""The twin has the same weights under another name, so that a third model needs no third file; of the last
one, four queries share a key."""


class Skipped(NaraniError):
    """This machine cannot do what a check needs; the sentence says what is missing."""


@dataclass(frozen=True)
class Scale:
    """How big everything is."""

    device: str
    neox: Shape
    llama: Shape
    grouped: Shape
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
    peer_seconds: int
    """What is not compiled and timed until then is left out."""

    @property
    def is_card(self) -> bool:
        return self.device != "cpu"

    @property
    def shapes(self) -> dict[str, Shape]:
        return {NEOX: self.neox, TWIN: self.neox, LLAMA: self.llama, GROUPED: self.grouped, SMALL: self.small}


CARD = Scale(
    device="cuda:0",
    neox=Shape("gpt_neox", 4096, 28, 16, 16384, vocabulary=30080, dtype=torch.bfloat16),
    llama=Shape("llama", 4096, 32, 32, 11008, vocabulary=32000, dtype=torch.bfloat16),
    grouped=Shape("llama", 4096, 32, 32, 14336, 128256, torch.bfloat16, {"num_key_value_heads": 8}),
    small=Shape("gpt_neox", 2048, 24, 16, 8192, vocabulary=30080, dtype=torch.bfloat16),
    prompt_tokens=256,
    answer_tokens=256,
    long_answer=1700,
    block_tokens=2048,
    copied_bytes=4 * 2**30,
    matrix=8192,
    slack=200 * 2**20,
    peer_seconds=100,
)
PROCESSOR = Scale(
    device="cpu",
    neox=Shape("gpt_neox", 128, 2, 4, 512, dtype=torch.bfloat16),
    llama=Shape("llama", 128, 2, 4, 384, dtype=torch.bfloat16),
    grouped=Shape("llama", 128, 2, 4, 384, dtype=torch.bfloat16, more={"num_key_value_heads": 2}),
    small=Shape("gpt_neox", 128, 2, 4, 512, dtype=torch.bfloat16),
    prompt_tokens=24,
    answer_tokens=32,
    long_answer=64,
    block_tokens=32,
    copied_bytes=2**26,
    matrix=256,
    slack=0,
    peer_seconds=100,
)


@dataclass(frozen=True)
class Bench:
    """The scale, and the models in their folder, each made when a check first asks for it."""

    scale: Scale
    root: Path
    _made: dict[str, ModelSpec] = field(default_factory=dict)

    def spec(self, name: str) -> ModelSpec:
        if name not in self._made:
            self._made[name] = self._spec(name)
        return self._made[name]

    def only(self, *names: str) -> dict[str, ModelSpec]:
        return {name: self.spec(name) for name in names}

    def _spec(self, name: str) -> ModelSpec:
        shape = self.scale.shapes[name]
        if name == TWIN:
            self.spec(NEOX)
            return spec_of(TWIN, self.root / NEOX, shape)
        seed = list(self.scale.shapes).index(name)
        folder = save_random(self.root / name, shape, seed=seed, device=self.scale.device)
        clear_device_cache(torch.device(self.scale.device))
        return spec_of(name, folder, shape)


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
    notes: tuple[str, ...] = ()
    """What could not be told, and why."""


def at_once(*facts: Fact) -> tuple[Fact, ...]:
    """Printed before the check has ended: a lent card may be taken back within it."""
    sys.stdout.write("".join(f"    ... {fact}\n" for fact in facts))
    sys.stdout.flush()
    return facts


@contextmanager
def set_up(scale: Scale) -> Iterator[Bench]:
    """A place for the weights: in memory where that is large enough, since reading is then fastest."""
    needed = sum(bytes_of(shape) for name, shape in scale.shapes.items() if name != TWIN)
    places = [Path("/dev/shm"), Path(tempfile.gettempdir())]
    for place in places:
        if place.is_dir() and shutil.disk_usage(place).free > needed * 1.1:
            with tempfile.TemporaryDirectory(dir=place, prefix="narani-") as folder:
                yield Bench(scale, Path(folder))
            return
    raise NaraniError(
        AS_WRITTEN,
        sentence=f"No place for {format_bytes(needed)} of random weights. Point TMPDIR at a larger disk.",
    )


def wait_for(device: torch.device) -> None:
    """Until all that was asked of it is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def faults(*checks: tuple[bool, str]) -> tuple[str, ...]:
    """The sentences whose condition does not hold."""
    return tuple(sentence for holds, sentence in checks if not holds)
