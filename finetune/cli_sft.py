"""`python -m finetune sft`: tune a base, and see in the terminal how far it is.

Knows: whose value of a setting counts: the person's, then the recipe's, then the default.
Refuses to know: how options are parsed, and how training is done.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from errors import BadRequest, UnknownName
from finetune.distributed.launching import processes_for, spread
from finetune.distributed.ranks import Ranks, launched, refuse_for, report_once
from finetune.job_state import jobs
from finetune.queueing import at_work, turn_of
from finetune.recipes import Recipe, load_recipe, recipe_of_base
from finetune.run_folder import RunFolder, as_named
from finetune.sft_settings import SftSettings

_NO_RECIPE = "none"
_NAMED = 8
"""Of the runs that there are, so many are named."""


@dataclass(frozen=True, kw_only=True)
class Sft(SftSettings):
    """Tune a base model on questions and answers, to an adapter or model that the comparison lists."""

    recipe: str | None = None
    """Settings of a published training (see `recipes`); what else is said here goes before them. None: the
    one that the base brings along; none: no recipe at all."""
    now: bool = False
    """Start at once, also where another training is under way; otherwise it waits for its turn."""
    processes: int | None = None
    """With distributed: so many processes; None: one a GPU of this machine, or as a launcher began them."""


Asked = TypeVar("Asked", bound=Sft)


def defaults(kind: type[Asked], arguments: Sequence[str]) -> Asked:
    """What holds where these arguments say nothing: the recipe's settings, and ours."""
    named = _said(arguments, "--recipe")
    if named == _NO_RECIPE:
        return kind(recipe=_NO_RECIPE)
    recipe = load_recipe(named) if named else _brought_along(_said(arguments, "--base-model"))
    if recipe is None:
        return kind()
    kept = dict(recipe.settings)
    if named is None:
        # Its way to learn, but not the rows that somebody else learned.
        kept.pop("base_model", None)
        kept.pop("data", None)
    return kind(**kept, recipe=recipe.name)


def settings_of(options: Sft) -> SftSettings:
    return SftSettings(**{field.name: getattr(options, field.name) for field in fields(SftSettings)})


def run(options: Sft, home: Path) -> int:
    settings, ranks = settings_of(options), launched()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120, quiet=not ranks.first)
    with report_once(ranks):
        _refuse(settings, ranks, home)
    if options.recipe not in (None, _NO_RECIPE):
        console.print(f"Recipe: {options.recipe}", markup=False)
    with _turn(options, settings, ranks, home, console) as settings:
        if settings.distributed != "none" and ranks.size == 1:
            return spread(settings, processes_for(settings, options.processes), home)
        return _learn(settings, ranks, home, console)


@contextmanager
def _turn(
    options: Sft, settings: SftSettings, ranks: Ranks, home: Path, console: Console
) -> Iterator[SftSettings]:
    """Processes of a launcher that somebody else began cannot wait: their machines may share no queue."""

    def waiting(ahead: tuple[str, ...]) -> None:
        console.print(
            f"Waiting for its turn: {', '.join(ahead)} trains or came before. Ctrl-C ends the waiting; with "
            "--now it begins at once, beside the other.",
            markup=False,
        )

    if not options.now and ranks.size == 1:
        with turn_of(settings, home, waiting) as settings:
            yield settings
        return
    beside = at_work(home, settings.name)
    if beside and ranks.size > 1 and not options.now:
        console.print(f"Another training is under way: {', '.join(beside)}.", markup=False)
    yield settings


def _learn(settings: SftSettings, ranks: Ranks, home: Path, console: Console) -> int:
    from finetune.cli_progress import Progress
    from finetune.training.sft import train

    with Progress(console) as progress:
        folder = train(settings, home, show=progress.show if ranks.first else None, tell=progress.tell)
    for line in _said_of(RunFolder(folder)):
        console.print(line, markup=False, soft_wrap=True)
    return 0


def _said_of(run: RunFolder) -> Iterator[str]:
    yield f"Done. The run: {run.path}"
    report = run.read("report.json")
    if report is not None:
        model = report["model_id"]
        taken = "" if model == run.name else f" ('{run.name}' was taken)"
        yield f"The model: {model}{taken}. Ask it: python -m comparison ask QUESTION --models {model}"
        yield f"Before and after: {run.path / 'report.md'}"


def _refuse(settings: SftSettings, ranks: Ranks, home: Path) -> None:
    if not settings.base_model:
        raise BadRequest("No base model is named. Name one with --base-model, or a recipe with --recipe.")
    if not settings.data:
        raise BadRequest("No data is named. Name files or hub datasets with --data.")
    if settings.resume:
        _refuse_never_begun(settings.name, home)
    if ranks.size > 1:
        refuse_for(settings, ranks.size)


def _refuse_never_begun(name: str | None, home: Path) -> None:
    begun = [each.name for each in jobs(home)]
    if name is not None and as_named(name) in begun:
        return
    if name is None or not begun:
        there = f"There are: {', '.join(begun[:_NAMED])}." if begun else "There are none yet."
        raise BadRequest(f"Name the run to go on with (--name NAME --resume). {there}", name="name")
    raise UnknownName("run", name, begun)


def _brought_along(base_model: str | None) -> Recipe | None:
    return recipe_of_base(base_model) if base_model else None


def _said(arguments: Sequence[str], option: str) -> str | None:
    """The last value of an option, however it is spelled; parsing comes later, with it as a default."""
    found = None
    for place, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name.replace("_", "-") == option:
            following = arguments[place + 1] if place + 1 < len(arguments) else None
            found = value if equals else following
    return found
