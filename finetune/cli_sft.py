"""`python -m finetune sft`: the options of a supervised tuning.

Knows: whose value of a setting counts: the person's, then the recipe's, then the default.
Refuses to know: how options are parsed, and how training is done.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

from finetune.distributed.ranks import launched
from finetune.recipes import Recipe, load_recipe, recipe_of_base
from finetune.running import run_training
from finetune.sft_settings import SftSettings

_NO_RECIPE = "none"


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
    if options.recipe not in (None, _NO_RECIPE) and launched().first:
        sys.stdout.write(f"Recipe: {options.recipe}\n")
    return run_training(settings_of(options), home, now=options.now, processes=options.processes)


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
