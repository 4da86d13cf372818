"""A training from its settings to its end, told line by line: it waits for its turn, and learns in one
process or in several.

Knows: what is refused before anything waits or is read, and what is said of a training on the way.
Refuses to know: how options are parsed, and how training is done. A terminal and the app both begin here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from rich.console import Console

from errors import BadRequest, NaraniError, UnknownName
from errors.system_reason import system_reason
from finetune import kinds
from finetune.distributed.launching import processes_for, spread
from finetune.distributed.ranks import Ranks, ReportedElsewhere, launched, refuse_for, report_once
from finetune.job_state import jobs
from finetune.progress_lines import ProgressLines
from finetune.queueing import at_work, turn_of
from finetune.reward_settings import RewardSettings
from finetune.run_folder import RunFolder, as_named
from finetune.run_settings import RunSettings
from finetune.terminal_tables import console

_NAMED = 8
"""How many of the runs that there are a refusal names."""
_CODE_OF_REPORTED = 2
"""How a process ends whose error another process has reported: as if it had reported it."""


def run_training(
    settings: RunSettings, home: Path, *, now: bool = False, processes: int | None = None
) -> int:
    """The code for the process to end with. `now`: it waits for no other training.

    `processes`: how many to begin where the settings are distributed; None: one a GPU."""
    ranks = launched()
    try:
        with report_once(ranks):
            _refuse(settings, ranks, home)
        screen = console(quiet=not ranks.first)
        with _turn(settings, ranks, home, screen, now) as settings:
            if settings.distributed != "none" and ranks.size == 1:
                return spread(settings, processes_for(settings, processes), home)
            return _learn(settings, ranks, home, screen)
    except ReportedElsewhere:
        return _CODE_OF_REPORTED


@contextmanager
def _turn(
    settings: RunSettings, ranks: Ranks, home: Path, screen: Console, now: bool
) -> Iterator[RunSettings]:
    """Processes of a launcher that somebody else began cannot wait: their machines may share no queue."""

    def waiting(ahead: tuple[str, ...]) -> None:
        screen.print(
            f"Waiting for its turn: {', '.join(ahead)} trains or came before. Ctrl-C ends the waiting; with "
            "--now it begins at once, beside the other.",
            markup=False,
        )

    if not now and ranks.size == 1:
        with turn_of(settings, home, waiting) as settings:
            yield settings
        return
    beside = at_work(home, settings.name)
    if beside and ranks.size > 1 and not now:
        screen.print(f"Another training is under way: {', '.join(beside)}.", markup=False)
    yield settings


def _learn(settings: RunSettings, ranks: Ranks, home: Path, screen: Console) -> int:
    with ProgressLines(screen) as lines:
        folder = kinds.train(settings, home, show=lines.show if ranks.first else None, tell=lines.tell)
    for line in _made(RunFolder(folder)):
        screen.print(line, markup=False, soft_wrap=True)
    return 0


def _made(run: RunFolder) -> Iterator[str]:
    report = run.read("report.json")
    if report is not None and not report.get("learned", True):
        yield f"Nothing was learned. {report['why']}"
    yield f"Done. The run: {run.path}"
    if report is not None:
        model = report["model_id"]
        taken = "" if model == run.name else f" ('{run.name}' was taken)"
        ask = f"Ask it: python -m comparison ask QUESTION --models {model}"
        if report.get("kind") == RewardSettings.kind:
            ask = f"Score an answer: python -m finetune score --model {model} --question Q --answer A"
        yield f"The model: {model}{taken}. {ask}"
        yield f"Before and after: {run.path / 'report.md'}"


def _refuse(settings: RunSettings, ranks: Ranks, home: Path) -> None:
    if settings.resume:
        _refuse_never_begun(settings.name, home)
    if not settings.base_model:
        raise BadRequest("base-model-not-named")
    if not settings.data:
        raise BadRequest("data-not-named")
    if ranks.size > 1:
        refuse_for(settings, ranks.size)
    _refuse_unwritable(home / "runs")


def _refuse_unwritable(runs: Path) -> None:
    """A file is really written: rights and a full disk are seen so on every system."""
    try:
        runs.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=runs):
            pass
    except OSError as error:
        raise NaraniError("runs-not-writable", why=system_reason(error)) from error


def _refuse_never_begun(name: str | None, home: Path) -> None:
    begun = [each.name for each in jobs(home)]
    if name is not None and as_named(name) in begun:
        return
    if name is None or not begun:
        code = "run-to-resume-unnamed" if begun else "no-run-to-resume"
        raise BadRequest(code, begun=begun[:_NAMED], name="name")
    raise UnknownName("run", name, begun)
