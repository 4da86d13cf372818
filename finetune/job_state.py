"""Where each training of a home stands: read from its folder, and from whether its process is still there.

Knows: the states, the order of the queue, and that a number which another process has by now is not alive.
Refuses to know: how a training is begun or ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from finetune.kinds import kind_of
from finetune.run_folder import ENDED, RunFolder, TrainingState, TrainingStatus, as_named, safe_name

REQUEST = "request.json"
"""What was asked for from the app: the settings, and when; there before the training has its manifest."""
_STARTING_SECONDS = 60.0
"""How long a process may take to write its first status."""
_CLOCK_SECONDS = 1.0
"""How much later than its status a process may seem to have been made: clocks are not that exact."""


@dataclass(frozen=True)
class Job:
    """One training as it stands now."""

    name: str
    state: TrainingState
    status: TrainingStatus
    kind: str
    """Which kind of training it is (see kinds.py)."""
    settings: Mapping[str, Any]
    """As they were asked for; empty where nobody could read them."""
    asked: str
    """When, in ISO 8601."""
    ahead: tuple[str, ...] = ()
    """The names of the trainings that a queued one waits for."""

    @property
    def over(self) -> bool:
        return self.state in ENDED

    @property
    def record(self) -> Mapping[str, Any]:
        """As `settings_of` takes it."""
        return {"kind": self.kind, "settings": self.settings}

    @property
    def can_resume(self) -> bool:
        return self.over and self.state is not TrainingState.DONE and bool(self.settings)


def jobs(home: Path) -> tuple[Job, ...]:
    """Every training of this home, the newest first, wherever it was started from."""
    try:
        folders = [RunFolder(path) for path in (home / "runs").iterdir() if path.is_dir()]
    except OSError:  # there is no such folder, and none of ours can be under a file
        return ()
    # A folder that no run could have made has no name that anything here would take.
    found = [made for made in map(_job, folders) if made is not None and safe_name(made.name) == made.name]
    found.sort(key=_place, reverse=True)
    return tuple(
        replace(each, ahead=_ahead(each, found)) if each.state is TrainingState.QUEUED else each
        for each in found
    )


def job(home: Path, name: str) -> Job | None:
    return next((each for each in jobs(home) if each.name == as_named(name)), None)


def _job(run: RunFolder) -> Job | None:
    manifest, request = run.read("manifest.json"), run.read(REQUEST)
    if manifest is None and request is None:
        return None
    status = run.status() or TrainingStatus(
        TrainingState.QUEUED if manifest is None else TrainingState.PREPARING
    )
    record = request or manifest or {}
    settings = record.get("settings")
    asked = str((request or {}).get("asked") or (manifest or {}).get("started") or "")
    kept = settings if isinstance(settings, dict) else {}
    return Job(run.name, _state(status), status, kind_of(record), kept, asked)


def _state(status: TrainingStatus) -> TrainingState:
    gone = status.state not in ENDED and process_of(status) is None and not _is_starting(status)
    return TrainingState.INTERRUPTED if gone else status.state


def _is_starting(status: TrainingStatus) -> bool:
    written = _seconds(status.updated)
    return status.pid is None and written is not None and _seconds_since(written) < _STARTING_SECONDS


def process_of(status: TrainingStatus) -> psutil.Process | None:
    """The process that wrote this status. Another one that has its number by now was made later than that."""
    written = _seconds(status.updated)
    if status.pid is None or written is None:
        return None
    try:
        process = psutil.Process(status.pid)
        if process.create_time() > written + _CLOCK_SECONDS or process.status() == psutil.STATUS_ZOMBIE:
            return None
    except (psutil.Error, ValueError, OverflowError):
        return None
    return process


def _seconds(at: str) -> float | None:
    try:
        return datetime.fromisoformat(at).timestamp()
    except (TypeError, ValueError):
        return None


def _seconds_since(written: float) -> float:
    return datetime.now().timestamp() - written


def _place(job: Job) -> tuple[float, str]:
    return _seconds(job.asked) or 0.0, job.name


def _ahead(waiting: Job, all_jobs: Sequence[Job]) -> tuple[str, ...]:
    """The trainings at work, wherever they were started, and those that asked before."""
    before = (
        each
        for each in reversed(all_jobs)
        if not each.over
        and each.name != waiting.name
        and (each.state is not TrainingState.QUEUED or _place(each) < _place(waiting))
    )
    return tuple(each.name for each in before)
