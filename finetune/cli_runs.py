"""`python -m finetune runs`: the trainings of this home, and where each stands.

Knows: how a training is shown in a terminal.
Refuses to know: how it is found out where one stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from errors import wording
from finetune.job_state import Job, jobs
from finetune.run_folder import RunFolder
from finetune.terminal_tables import Column, console, fitted
from settings import terminal_language

_COLUMNS = (
    Column("run"),
    Column("kind", spared=1),
    Column("state"),
    Column("step"),
    Column("loss", spared=5),
    Column("method", spared=4),
    Column("base", spared=3),
    Column("started", spared=2),
)


@dataclass(frozen=True)
class RunsCommand:
    """List the trainings, the newest first, with where each stands."""


def run(options: RunsCommand, home: Path) -> int:
    screen, found = console(), jobs(home)
    if not found:
        screen.print("There are no runs yet. Start one with `python -m finetune sft`.", markup=False)
        return 0
    rows = [_cells(job, RunFolder(home / "runs" / job.name)) for job in found]
    screen.print(fitted(_COLUMNS, rows, screen.width))
    for job in found:
        if job.status.cause:
            screen.print(Text(f"{job.name}: {wording(job.status.cause, terminal_language())}"))
    if any(job.can_resume for job in found):
        goes_on = "python -m finetune KIND --name NAME --resume"
        screen.print(f"What was stopped, interrupted or failed goes on with: {goes_on}", markup=False)
    return 0


def _cells(job: Job, folder: RunFolder) -> tuple[str, ...]:
    status = job.status
    loss = next((metric.loss for metric in reversed(folder.metrics()) if metric.loss is not None), None)
    return (
        job.name,
        job.kind,
        str(job.state),
        f"{status.step} of {status.total_steps}" if status.total_steps else "",
        "" if loss is None else f"{loss:.3f}",
        str(job.settings.get("method", "")),
        str(job.settings.get("base_model", "")),
        (status.started or job.asked)[:16].replace("T", " "),
    )
