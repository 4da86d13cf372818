"""One command that becomes several processes of this machine, where no launcher began it.

Knows: how many GPUs are here, what a process must find in its environment, and how a stop, or the end of one,
becomes that of all.
Refuses to know: torch's groups, and what is learned.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from errors import BadRequest, NaraniError, Stopped
from finetune.distributed.ranks import refuse_for
from finetune.kinds import recorded
from finetune.run_settings import RunSettings
from finetune.stopping import heard_by

_PROCESS = "finetune.process"
_LOOK_AGAIN_SECONDS = 0.1
_SECONDS_TO_END = 30.0
"""How long those that are left may go on when one has failed, so that each may still tell why."""
_SAID = (0, 2, 130)
"""The codes of a process that has told how it ended."""


def processes_for(settings: RunSettings, wanted: int | None) -> int:
    """How many to start: one a GPU, or as many as were asked for."""
    if os.name == "nt":
        raise BadRequest("distributed-only-linux", name="distributed")
    import torch

    gpus = torch.cuda.device_count()
    processes = wanted or gpus
    if processes < 2:
        here = {0: "no GPU", 1: "one GPU"}.get(gpus, f"{gpus} GPUs")
        raise BadRequest("distributed-alone", here=here, name="distributed")
    if gpus and processes > gpus:
        raise BadRequest("processes-too-many", processes=processes, gpus=gpus, name="processes")
    refuse_for(settings, processes)
    return processes


def spread(settings: RunSettings, processes: int, home: Path) -> int:
    """Learn in so many processes; the code of the command."""
    port = _free_port()
    begun = [_begin(settings, rank, processes, port, home) for rank in range(processes)]
    with _passing_on(begun[0]) as asked:
        try:
            _wait(begun)
        finally:
            for process in begun:
                process.kill()
                process.wait()
    codes = [process.returncode for process in begun]
    if asked.is_set() and codes[0] == -signal.SIGTERM:
        raise Stopped("training-stopped-hard")
    return _code(codes)


def _begin(
    settings: RunSettings, rank: int, processes: int, port: int, home: Path
) -> subprocess.Popen[bytes]:
    cores = max(1, (os.cpu_count() or 1) // processes)
    process = subprocess.Popen(
        [sys.executable, "-m", _PROCESS, "worker"],
        stdin=subprocess.PIPE,
        stdout=None if rank == 0 else subprocess.DEVNULL,
        # A stop that reaches a whole group, as Ctrl-C does, would be heard twice: from there and from here.
        start_new_session=True,
        env={
            "OMP_NUM_THREADS": str(cores),
            **os.environ,
            "NARANI_HOME": str(home.absolute()),
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(processes),
            "LOCAL_WORLD_SIZE": str(processes),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
        },
    )
    assert process.stdin is not None
    # Left open: where it ends, this process is dead, and those that it began should not go on alone.
    process.stdin.write(json.dumps(recorded(settings)).encode() + b"\n")
    process.stdin.flush()
    return process


def _wait(begun: Sequence[subprocess.Popen[bytes]]) -> None:
    """Until all have ended, or one has failed and the others have had their time."""
    until = None
    while any(process.poll() is None for process in begun):
        if until is None and any(process.returncode for process in begun):
            until = time.monotonic() + _SECONDS_TO_END
        if until is not None and time.monotonic() > until:
            return
        time.sleep(_LOOK_AGAIN_SECONDS)


def _code(codes: Sequence[int]) -> int:
    failed = [code for code in codes if code]
    said = [code for code in failed if code in _SAID]
    if failed and not said:
        rank = next(rank for rank, code in enumerate(codes) if code)
        raise NaraniError("process-ended", number=rank + 1, count=len(codes), exit_code=codes[rank])
    return max(said, default=0)


@contextmanager
def _passing_on(first: subprocess.Popen[bytes]) -> Iterator[threading.Event]:
    """A stop asked of this process is the first's to hear; the processes agree upon it among themselves."""
    asked = threading.Event()

    def pass_on() -> None:
        asked.set()
        first.send_signal(signal.SIGTERM)

    with heard_by(pass_on, again=True):
        yield asked


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])
