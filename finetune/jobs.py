"""Trainings as processes of their own: started, queued, found again, stopped and gone on with.

Knows: how one is begun and ended, and all that the app needs of this room: it imports nothing else of it.
Refuses to know: torch, pages, and what happens inside a training. That one waits for its turn is known to the
training's own process (job_process.py), so the queue goes on when the app has ended.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from errors import BadRequest, NaraniError, UnknownName
from errors.system_reason import system_reason
from finetune.job_check import Check, check
from finetune.job_state import REQUEST, Job, job, jobs, process_of
from finetune.kinds import KINDS, recorded, settings_of
from finetune.recipes import Recipe, all_recipes, recipe_of_base
from finetune.rl.rewards import KINDS as REWARDS
from finetune.run_folder import (
    RunFolder,
    TrainingState,
    TrainingStatus,
    name_for,
    now,
    run_folder,
    safe_name,
)
from finetune.run_reports import Metric, SampledAnswers
from finetune.run_settings import RunSettings
from finetune.run_summary import RunSummary, elapsed
from finetune.run_summary import summary as _summary
from finetune.settings_command import changed_settings, command_line
from finetune.sft_settings import SftSettings

__all__ = [
    "Check",
    "Job",
    "KINDS",
    "REWARDS",
    "RunSettings",
    "SampledAnswers",
    "TrainingState",
    "TrainingStatus",
    "Metric",
    "Recipe",
    "SftSettings",
    "RunSummary",
    "all_recipes",
    "changed_settings",
    "check",
    "command_line",
    "elapsed",
    "job",
    "jobs",
    "log_tail",
    "metrics",
    "recipe_of_base",
    "report",
    "resume",
    "safe_name",
    "samples",
    "settings_of",
    "start",
    "stop",
    "summary",
]
PROCESS = "finetune.process"
"""The module that a training's process runs."""
_ROOT = Path(__file__).parents[1]
_TAIL_BYTES = 65_536
_ON_POSIX = os.name == "posix"
_ALONE: dict[str, Any] = (
    {"start_new_session": True}
    if _ON_POSIX
    # With a console of its own, that nobody sees and nobody closes.
    else {"creationflags": getattr(subprocess, "CREATE_NO_WINDOW", 0)}
)
_ITS_ENVIRONMENT = {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8:backslashreplace"}
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


def start(settings: RunSettings, home: Path, uploads: Sequence[Path] = ()) -> str:
    """Begin it in a process of its own, which waits while another one trains; the run's name.

    `uploads` are files of `settings.data` that become the run's own: only with its data can a run go on."""
    name = name_for(settings, home)
    run = run_folder(home, name)
    status = run.status()
    makes_way = run.came_to_nothing and status is not None and process_of(status) is None
    if makes_way:
        run.forget()
    try:
        run.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_started(error) from error
    try:
        run.path.mkdir(exist_ok=makes_way)
    except FileExistsError:
        raise BadRequest("run-name-taken", run=name, name="name") from None
    try:
        data = tuple(_taken(source, uploads, run) for source in settings.data)
        _begin(run, replace(settings, name=name, data=data), home)
    except OSError as error:
        shutil.rmtree(run.path, ignore_errors=True)
        raise _not_started(error) from error
    return name


def _not_started(error: OSError) -> NaraniError:
    return NaraniError("training-not-started", why=system_reason(error))


def resume(home: Path, name: str) -> None:
    """Go on from the newest checkpoint, in a new process."""
    here = _known(home, name)
    if not here.can_resume:
        raise BadRequest("run-cannot-go-on", run=name, state=here.state, name="name")
    _begin(run_folder(home, name), replace(settings_of(here.record), name=name, resume=True), home)


def stop(home: Path, name: str, grace: float = 120.0) -> bool:
    """Ask it to save a checkpoint and end, and kill what has not ended after `grace` seconds.

    False where there is no process."""
    process = process_of(_known(home, name).status)
    if process is None:
        return False
    _ask_to_stop(run_folder(home, name), process)
    threading.Thread(target=_kill_after, args=(process, grace), daemon=True).start()
    return True


def metrics(home: Path, name: str) -> list[Metric]:
    return run_folder(home, name).metrics()


def samples(home: Path, name: str) -> list[SampledAnswers]:
    return run_folder(home, name).samples()


def report(home: Path, name: str) -> dict[str, Any] | None:
    """What the training changed; None before it is done."""
    return run_folder(home, name).read("report.json")


def summary(home: Path, job: Job) -> RunSummary:
    """Read once for as long as nothing of it changes."""
    return _summary(job, run_folder(home, job.name))


def log_tail(home: Path, name: str, lines: int = 40) -> str:
    """The last lines that the process printed, without what moves a terminal's cursor."""
    try:
        with run_folder(home, name).log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(_CONTROL.sub("", line) for line in text.replace("\r", "\n").split("\n")[-lines:]).strip()


def _known(home: Path, name: str) -> Job:
    found = job(home, name)
    if found is None:
        raise UnknownName("run", name, [each.name for each in jobs(home)])
    return found


def _taken(source: str, uploads: Sequence[Path], run: RunFolder) -> str:
    if Path(source) not in uploads:
        return source
    folder = run.path / "data"
    folder.mkdir(exist_ok=True)
    own = folder / Path(source).name
    shutil.move(source, own)
    return str(own)


def _begin(run: RunFolder, settings: RunSettings, home: Path) -> None:
    """The process stands alone: it hears no Ctrl-C of the app's terminal, and outlives the app."""
    run.write(REQUEST, {"asked": now(), **recorded(settings)})
    # What a run that goes on had reached stays on its page while it waits for its turn.
    before = run.status() or TrainingStatus(TrainingState.QUEUED)
    run.set_status(replace(before, state=TrainingState.QUEUED, pid=None).with_error(None))
    with run.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", PROCESS, "job", run.name],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **_ITS_ENVIRONMENT, "NARANI_HOME": str(home.absolute())},
            **_ALONE,
        )
    # Somebody has to take note of its end, or it would stay behind as a zombie.
    threading.Thread(target=process.wait, daemon=True).start()


def _kill_after(process: psutil.Process, grace: float) -> None:
    with suppress(psutil.Error):
        try:
            process.wait(grace)
        except psutil.TimeoutExpired:
            _end(process)


def _ask_to_stop(run: RunFolder, process: psutil.Process) -> None:
    if not _ON_POSIX:
        run.stop_wish(process.pid).touch()
        return
    with suppress(ProcessLookupError, psutil.NoSuchProcess):
        if _leads_a_group(process):
            os.killpg(process.pid, signal.SIGTERM)
        else:
            process.terminate()


def _end(process: psutil.Process) -> None:
    with suppress(ProcessLookupError, psutil.NoSuchProcess):
        if _ON_POSIX and _leads_a_group(process):
            os.killpg(process.pid, signal.SIGKILL)
            return
        for each in [process] if _ON_POSIX else [*process.children(recursive=True), process]:
            each.kill()


def _leads_a_group(process: psutil.Process) -> bool:
    """What was begun in a terminal may share the group of a script."""
    return process.is_running() and os.getpgid(process.pid) == process.pid
