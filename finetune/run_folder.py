"""A training on disk: `NARANI_HOME/runs/NAME/`, written by the process that trains, read by anyone.

Knows: the names of the files, what stands in each, and that a file is replaced whole or not at all.
Refuses to know: torch, processes, and how training is done.

    manifest.json   what was asked: settings, data files with hashes, versions, seed, commit; written first
    status.json     where it stands; replaced whole at each change
    metrics.jsonl   one line a report: step, epoch, loss, learning rate, tokens/s, memory, held-out loss, and
                    the figures of its kind (reward, kl, …)
    samples.jsonl   the same held-out questions answered after every few steps, where a kind does so
    log.txt         what the process prints
    before.json     what was measured before the first step, so that a resumed run need not measure it again
    checkpoints/    checkpoint-N, each with its own manifest of hashes; tmp-N while one is being written
    tensorboard/    the curves, where they were asked for
    adapter/        (or model/) what came of it: safetensors, config, model card
    report.json     before and after: loss, perplexity, exact and near answers, samples, the forgetting set
    report.md       the same, to be read
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from errors import BadRequest, Cause, NaraniError
from errors.stored import stored_cause
from finetune.run_reports import (
    Metric,
    SampledAnswers,
    append_line,
    forget_after,
    last_metric,
    read_metrics,
    read_samples,
)
from finetune.run_settings import RunSettings
from model_registry.names import LETTERS_SAID, is_device, plain_name, spelled
from whole_files import write_whole

LOCK = ".lock"
"""Held by the process that trains."""
_MOST_BYTES = 64
"""How long a run's name may be, which stands in longer ones."""


class TrainingState(StrEnum):
    QUEUED = "queued"
    PREPARING = "preparing"
    MEASURING = "measuring"
    """The held-out rows, before or after."""
    TRAINING = "training"
    SAVING = "saving"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """Its process is gone and did not say why, which only somebody outside can tell; never written."""


ENDED = frozenset(
    {TrainingState.DONE, TrainingState.STOPPED, TrainingState.FAILED, TrainingState.INTERRUPTED}
)


@dataclass(frozen=True)
class TrainingStatus:
    """What status.json holds, and how far the figures of the steps reach."""

    state: TrainingState
    step: int = 0
    total_steps: int = 0
    epoch: float = 0.0
    seconds_left: float | None = None
    pid: int | None = None
    started: str = ""
    """ISO 8601 with the time zone, as is `updated`."""
    updated: str = ""
    error: str | None = None
    """The English sentence."""
    error_code: str | None = None
    """The category of the error."""
    error_facts: Mapping[str, Any] | None = None
    """Its code and facts, as `Cause.as_json` makes them."""

    @property
    def cause(self) -> Cause | None:
        return stored_cause(self.error, self.error_code, self.error_facts)

    def reached(self, last: Metric | None) -> TrainingStatus:
        """As far as the curves reach: every step writes its figures, and few of them this file."""
        if last is None:
            return self
        left = last.seconds_left if self.state is TrainingState.TRAINING else None
        return replace(self, step=last.step, epoch=last.epoch, seconds_left=left)

    def with_error(self, error: NaraniError | None) -> TrainingStatus:
        if error is None:
            return replace(self, error=None, error_code=None, error_facts=None)
        facts = error.cause.as_json()
        return replace(self, error=str(error), error_code=error.category, error_facts=facts)


@dataclass(frozen=True)
class RunFolder:
    """The folder of one training; reading never fails because another process is writing."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def adapter(self) -> Path:
        return self.path / "adapter"

    @property
    def model(self) -> Path:
        return self.path / "model"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    def stop_wish(self, process: int) -> Path:
        """A file that asks this process to stop, where the system has no signal that asks."""
        return self.path / f".stop-{process}"

    @property
    def exists(self) -> bool:
        return (self.path / "manifest.json").exists()

    @property
    def came_to_nothing(self) -> bool:
        """It failed before anything was learned; the next try may have its name."""
        status = self.status()
        if status is None or status.state is not TrainingState.FAILED:
            return False
        made = (self.adapter, self.model, self.metrics_path, *self.checkpoints.glob("checkpoint-*"))
        return not any(path.is_dir() or (path.is_file() and path.stat().st_size) for path in made)

    def forget(self) -> None:
        """What it came to nothing with; its folder stays, and the lock in it."""
        for path in self.path.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != LOCK:
                path.unlink()

    def read(self, name: str) -> dict[str, Any] | None:
        """One of the JSON files; None where it is not there or holds no object."""
        try:
            value = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def stamp(self, name: str) -> tuple[int, int] | None:
        """Another one after each change of a file; None while there is none."""
        try:
            held = (self.path / name).stat()
        except OSError:
            return None
        return held.st_mtime_ns, held.st_size

    def write(self, name: str, value: Mapping[str, Any]) -> None:
        write_whole(self.path / name, json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")

    def status(self) -> TrainingStatus | None:
        held = self.read("status.json")
        known = {field.name for field in fields(TrainingStatus)}
        try:
            kept = {key: value for key, value in (held or {}).items() if key in known}
            written = TrainingStatus(**{**kept, "state": TrainingState(kept["state"])})
            return written.reached(last_metric(self.metrics_path))
        except (KeyError, TypeError, ValueError):
            return None

    def set_status(self, status: TrainingStatus) -> TrainingStatus:
        """Stamped with the time of writing, which is also what it returns."""
        stamped = replace(status, updated=now())
        self.write("status.json", asdict(stamped))
        return stamped

    @property
    def metrics_path(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def _samples(self) -> Path:
        return self.path / "samples.jsonl"

    def add_metric(self, metric: Metric) -> None:
        append_line(self.metrics_path, metric.line())

    def metrics(self) -> list[Metric]:
        return read_metrics(self.metrics_path)

    def add_samples(self, samples: SampledAnswers) -> None:
        append_line(self._samples, samples.line())

    def samples(self) -> list[SampledAnswers]:
        return read_samples(self._samples)

    def forget_reports_after(self, step: int) -> None:
        forget_after(self.metrics_path, step, read_metrics)
        forget_after(self._samples, step, read_samples)


def run_folder(home: Path, name: str) -> RunFolder:
    """The folder of a name; one that would lead elsewhere is refused."""
    plain = safe_name(name)
    if plain != as_named(name):
        raise BadRequest(
            "run-name-bad", given=_printable(name[:80]), letters=LETTERS_SAID, plain=plain, name="name"
        )
    return RunFolder(home / "runs" / plain)


def name_for(settings: RunSettings, home: Path) -> str:
    """The name a run of these settings has: the one that was set, or one made of base, method and date."""
    if settings.name:
        return run_folder(home, settings.name).name
    base = re.split(r"[/\\]", settings.base_model.rstrip("/\\"))[-1]
    return free_name(home, f"{base}-{settings.method}-{datetime.now(UTC).astimezone():%Y%m%d-%H%M}")


def list_runs(home: Path) -> list[RunFolder]:
    """Every run of this home, the newest first."""
    try:
        found = [RunFolder(path) for path in (home / "runs").iterdir() if path.is_dir()]
    except OSError:
        return []
    begun = {run.path: str((run.read("manifest.json") or {}).get("started", "")) for run in found}
    return sorted((run for run in found if run.exists), key=lambda run: begun[run.path], reverse=True)


def safe_name(text: str) -> str:
    """A folder's name on any system, out of any text; the model that comes of the run is called so too."""
    plain = plain_name(text, "run", _MOST_BYTES)
    return f"run-{plain}" if is_device(plain) else plain


def as_named(text: str) -> str:
    """How the run is called that somebody means; nobody has to type capitals or composed letters as we do."""
    return spelled(text).lower()


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in text)


def free_name(home: Path, wanted: str) -> str:
    """The wanted name, or with -2, -3 … where a run of it is there already that came to something."""
    base = safe_name(wanted)
    names = (base, *(f"{base}-{number}" for number in range(2, 10_000)))
    runs = (RunFolder(home / "runs" / name) for name in names)
    return next(run.name for run in runs if run.came_to_nothing or not os.path.lexists(run.path))


def now() -> str:
    return datetime.now(UTC).astimezone().isoformat(timespec="milliseconds")
