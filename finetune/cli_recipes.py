"""`python -m finetune recipes`: which recipes there are, and everything about one.

Knows: how a recipe is shown in a terminal.
Refuses to know: how recipes are read, and what their settings do.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from errors import BadRequest
from finetune.recipes import Recipe, all_recipes, load_recipe


@dataclass(frozen=True)
class Recipes:
    """Published trainings as settings: list them, or show one with its notes and where it was read."""

    action: Annotated[Literal["list", "show"], tyro.conf.Positional] = "list"
    """list: all of them; show NAME: one of them."""
    name: Annotated[str, tyro.conf.Positional] = ""
    """The name of the recipe to show."""


def run(options: Recipes) -> int:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    if options.action == "list":
        console.print(_table())
    elif not options.name:
        raise BadRequest("recipe-unnamed")
    else:
        _show(load_recipe(options.name), console)
    return 0


def _table() -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("recipe", "command", "method", "base", "what it is"):
        table.add_column(column, no_wrap=column == "recipe", overflow="fold")
    for recipe in all_recipes():
        settings = recipe.with_defaults()
        table.add_row(recipe.name, recipe.kind, settings.method, settings.base_model, Text(recipe.title))
    return table


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
