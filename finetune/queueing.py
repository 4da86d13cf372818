"""The turn of a training: one at a time trains in a home, wherever it was started.

Knows: who is before whom, the lock of the one that trains, and what stands in a run's folder while it waits.
Refuses to know: how training is done, torch, and whether the app or a terminal waits.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from errors import Stopped
from file_lock import try_lock
from finetune.job_state import REQUEST, job, jobs, process_of
from finetune.kinds import recorded
from finetune.run_folder import RunFolder, TrainingState, TrainingStatus, name_for, now, run_folder
from finetune.run_settings import RunSettings
from finetune.stopping import heard_by

_LOCK = ".training.lock"
_LOOK_AGAIN_SECONDS = 1.0

TellWaiting = Callable[[tuple[str, ...]], None]
"""Is called with the names of those before, at first and whenever they become others."""


@contextmanager
def turn(home: Path, run: RunFolder, waiting: TellWaiting | None = None) -> Iterator[None]:
    """Wait until nobody trains who came before. However the process ends, the system lets the lock go."""
    say(run, TrainingState.QUEUED)
    told: tuple[str, ...] = ()
    held = None
    while held is None:
        if run.stop_wish(os.getpid()).exists():
            leave()
        here = job(home, run.name)
        ahead = () if here is None else here.ahead
        held = None if ahead else try_lock(home / "runs" / _LOCK)
        if held is None:
            if waiting is not None and ahead and ahead != told:
                waiting(ahead)
                told = ahead
            time.sleep(_LOOK_AGAIN_SECONDS)
    with held:
        yield


@contextmanager
def turn_of(settings: RunSettings, home: Path, waiting: TellWaiting) -> Iterator[RunSettings]:
    """The same for a training that nobody has written down yet; the settings with the run's name in them.

    A run that cannot be begun so waits for nobody: whoever trains says why."""
    settings = replace(settings, name=name_for(settings, home))
    run = run_folder(home, settings.name or "")
    if not _may_begin(run, settings):
        yield settings
        return
    run.path.mkdir(parents=True, exist_ok=True)
    if run.came_to_nothing and not settings.resume:
        run.forget()
    run.write(REQUEST, {"asked": now(), **recorded(settings)})
    held = turn(home, run, waiting)
    try:
        with heard_by(leave, again=True):
            held.__enter__()
    except Stopped:
        run.stop_wish(os.getpid()).unlink(missing_ok=True)
        say(run, TrainingState.STOPPED)
        raise
    try:
        yield settings
    finally:
        held.__exit__(None, None, None)


def at_work(home: Path, name: str | None) -> tuple[str, ...]:
    """The trainings that run or wait now, without this one."""
    return tuple(each.name for each in jobs(home) if not each.over and each.name != name)


def say(run: RunFolder, state: TrainingState) -> None:
    before = run.status() or TrainingStatus(state)
    fresh = replace(before, state=state, pid=os.getpid(), started=before.started or now())
    run.set_status(fresh.with_error(None))


def leave() -> NoReturn:
    """Before the training listens itself."""
    raise Stopped("training-stopped-waiting")


def _may_begin(run: RunFolder, settings: RunSettings) -> bool:
    """Also a run that was stopped before its first checkpoint is begun again under its name."""
    status = run.status()
    if status is None or run.came_to_nothing:
        return True
    if status.state is TrainingState.DONE or process_of(status) is not None:
        return False
    return settings.resume or not any(run.checkpoints.glob("checkpoint-*"))
