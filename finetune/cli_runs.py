"""`python -m finetune runs`: the trainings of this home, and where each stands.

Knows: how a training is shown in a terminal.
Refuses to know: how it is found out where one stands.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from errors import wording
from finetune.job_state import Job, jobs
from finetune.run_folder import RunFolder
from settings import terminal_language


@dataclass(frozen=True)
class RunsCommand:
    """List the trainings, the newest first, with where each stands."""


def run(options: RunsCommand, home: Path) -> int:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    found = jobs(home)
    if not found:
        console.print("There are no runs yet. Start one with `python -m finetune sft`.", markup=False)
        return 0
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("run", "state", "step", "loss", "method", "base", "started"):
        table.add_column(column, overflow="fold")
    for job in found:
        table.add_row(*(Text(cell) for cell in _cells(job, RunFolder(home / "runs" / job.name))))
    console.print(table)
    for job in found:
        if job.status.cause:
            console.print(Text(f"{job.name}: {wording(job.status.cause, terminal_language())}"))
    if any(job.can_resume for job in found):
        console.print(
            "What was stopped, interrupted or failed goes on with --name NAME --resume.", markup=False
        )
    return 0


def _cells(job: Job, folder: RunFolder) -> tuple[str, ...]:
    status = job.status
    loss = next((metric.loss for metric in reversed(folder.metrics()) if metric.loss is not None), None)
    return (
        job.name,
        str(job.state),
        f"{status.step} of {status.total_steps}" if status.total_steps else "",
        "" if loss is None else f"{loss:.3f}",
        str(job.settings.get("method", "")),
        str(job.settings.get("base_model", "")),
        (status.started or job.asked)[:16].replace("T", " "),
    )
