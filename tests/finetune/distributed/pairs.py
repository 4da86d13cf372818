"""Two processes on this machine's processor that learn together, begun as a launcher begins them.

Knows: what a launcher writes into the environment, and how one of the two is made to stop, fail or die.
Refuses to know: what is tested.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.distributed.launching import _free_port
from finetune.run_settings import RunSettings
from tests.finetune.training.training_house import asking_few, processes

_LONGEST_SECONDS = 100


@dataclass(frozen=True)
class Pair:
    """How both ended."""

    codes: tuple[int, int]
    said: tuple[str, str]


def learned_by_two(settings: RunSettings, home: Path, happens: Callable[[], None] | None = None) -> Pair:
    """`happens`: in the second process, in the step after the second one."""
    said = [home / f"said-{rank}.txt" for rank in (0, 1)]
    port = _free_port()
    begun = [
        processes().Process(target=_learn, args=(rank, port, settings, home, said[rank], happens))
        for rank in (0, 1)
    ]
    for process in begun:
        process.start()
    for process in begun:
        process.join(_LONGEST_SECONDS)
        assert process.exitcode is not None, "a process hangs"
    codes = (begun[0].exitcode, begun[1].exitcode)
    return Pair(codes, (said[0].read_text(encoding="utf-8"), said[1].read_text(encoding="utf-8")))


def stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run_out_of_memory() -> None:
    raise MemoryError


def _learn(
    rank: int, port: int, settings: RunSettings, home: Path, said: Path, happens: Callable[[], None] | None
) -> None:
    import torch

    from command_line import ended
    from finetune.running import run_training

    for stream in (1, 2):
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND), stream)
    os.environ |= _environment(rank, port)
    torch.set_num_threads(1)
    if rank and happens is not None:
        _let_happen(happens)
    with asking_few():
        code = ended(lambda: run_training(settings, home))
    sys.exit(code)


def _environment(rank: int, port: int) -> Mapping[str, str]:
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    values = (rank, rank, 2, 2, "127.0.0.1", port)
    return {**dict(zip(names, map(str, values), strict=True)), "ACCELERATE_USE_CPU": "true"}


def _let_happen(happens: Callable[[], None]) -> None:
    from finetune.training.trainer import Tuner

    learn, happened = Tuner.training_step, [False]

    def learn_or(trainer: Any, *given: Any, **named: Any) -> Any:
        if trainer.state.global_step == 2 and not happened[0]:
            happened[0] = True
            happens()
        return learn(trainer, *given, **named)

    Tuner.training_step = learn_or  # type: ignore[method-assign, assignment]
