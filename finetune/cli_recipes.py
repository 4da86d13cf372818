"""`python -m finetune recipes`: which recipes there are, and everything about one.

Knows: how a recipe is shown in a terminal.
Refuses to know: how recipes are read, and what their settings do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.text import Text

from errors import BadRequest
from finetune.recipes import Recipe, all_recipes, load_recipe
from finetune.terminal_tables import Column, console, fitted

_COLUMNS = (
    Column("recipe"),
    Column("command"),
    Column("method", spared=1),
    Column("base", spared=2),
    Column("what it is", wraps=True),
)


@dataclass(frozen=True)
class Recipes:
    """Published trainings as settings: list them, or show one with its notes and where it was read."""

    action: Annotated[Literal["list", "show"], tyro.conf.Positional] = "list"
    """list: all of them; show NAME: one of them."""
    name: Annotated[str, tyro.conf.Positional] = ""
    """The name of the recipe to show."""


def run(options: Recipes) -> int:
    screen = console()
    if options.action == "list":
        listed = [(recipe, recipe.with_defaults()) for recipe in all_recipes()]
        rows = [
            (recipe.name, recipe.kind, settings.method, settings.base_model, recipe.title)
            for recipe, settings in listed
        ]
        screen.print(fitted(_COLUMNS, rows, screen.width))
    elif not options.name:
        raise BadRequest("recipe-unnamed")
    else:
        _show(load_recipe(options.name), screen)
    return 0


def _show(recipe: Recipe, console: Console) -> None:
    console.print(Text(recipe.title, style="bold"))
    console.print(Text(f"Reproduces {recipe.reproduces}."))
    console.print(Text(f"\n{recipe.notes}\n"))
    console.print(Text(f"{'command':<24}{recipe.kind}"))
    for name, value in recipe.settings.items():
        shown = " ".join(map(str, value)) if isinstance(value, tuple) else value
        console.print(Text(f"{name:<24}{shown}"), soft_wrap=True)
    console.print()
    for reference in recipe.references:
        sure = "" if reference.sure else " (unsure)"
        console.print(Text(f"read: {reference.what}: {reference.where}{sure}"))
