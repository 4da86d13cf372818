"""Named sets of settings: trainings that somebody published, and one that shows how it goes.

Knows: the files of `recipes/`, what may stand in one, and which bases bring which along.
Refuses to know: torch, what the settings do, and whose value counts when a person says another.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from errors import BadEntry, Cause, NaraniError, UnknownName
from finetune.kinds import KINDS
from finetune.run_settings import RunSettings
from finetune.sft_settings import SftSettings
from model_registry.spec import FactReference

FOLDER = Path(__file__).parent / "recipes"
_HERE = "./"
"""A data file that ships beside its recipe."""


@dataclass(frozen=True)
class Recipe:
    """Settings with where they come from; what it does not name keeps its kind's default."""

    name: str
    title: str
    settings: Mapping[str, Any]
    reproduces: str
    """Whose training it is."""
    notes: str = ""
    """How it differs from what was published, and why."""
    bases: tuple[str, ...] = ()
    """Ids of the registry for which it is taken when no recipe is named."""
    references: tuple[FactReference, ...] = ()
    kind: str = SftSettings.kind
    """The kind of training that it sets (see kinds.py)."""

    def with_defaults(self) -> RunSettings:
        return KINDS[self.kind].settings(**self.settings)


class _RecipeFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    kind: str = SftSettings.kind
    reproduces: str
    notes: str = ""
    bases: tuple[str, ...] = ()
    settings: dict[str, Any]
    references: tuple[FactReference, ...] = ()


def recipe_names(folder: Path = FOLDER) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


def load_recipe(name: str, folder: Path = FOLDER) -> Recipe:
    """The recipe of that name; an unknown one is answered with near names, a bad one by file and key."""
    if name not in recipe_names(folder):
        raise UnknownName("recipe", name, recipe_names(folder))
    path = folder / f"{name}.toml"
    try:
        file = _RecipeFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except ValidationError as error:
        fault = error.errors()[0]
        raise _bad(path, ".".join(str(step) for step in fault["loc"]), fault["msg"]) from None
    except (OSError, ValueError) as error:
        raise BadEntry("recipe-unreadable", file=path.name, reason=error) from None
    if file.kind not in KINDS:
        raise _bad(path, "kind", Cause("unknown-key-near", near=sorted(KINDS)))
    kind = KINDS[file.kind].settings
    settings = {key: _value(kind, key, value, path) for key, value in file.settings.items()}
    recipe = Recipe(
        name=name,
        kind=file.kind,
        title=file.title,
        settings=MappingProxyType(settings),
        reproduces=file.reproduces,
        notes=" ".join(file.notes.split()),
        bases=file.bases,
        references=file.references,
    )
    try:
        recipe.with_defaults()
    except NaraniError as error:
        raise BadEntry("recipe-bad", file=path.name, reason=error) from None
    return recipe


def all_recipes(folder: Path = FOLDER) -> tuple[Recipe, ...]:
    return tuple(load_recipe(name, folder) for name in recipe_names(folder))


def recipe_of_base(base_model: str, kind: str = SftSettings.kind, folder: Path = FOLDER) -> Recipe | None:
    """The recipe of this kind that a model of the registry brings along."""
    found = (each for each in all_recipes(folder) if each.kind == kind and base_model in each.bases)
    return next(found, None)


def _value(kind: type[RunSettings], key: str, value: Any, path: Path) -> Any:
    """A setting as its kind wants it; TOML has lists where Python has tuples, and files lie beside it."""
    known = [field.name for field in fields(kind)]
    if key not in known:
        near = difflib.get_close_matches(key, known, n=3)
        unknown = Cause("unknown-key-near" if near else "unknown-key", near=near)
        raise _bad(path, f"settings.{key}", unknown)
    if isinstance(value, list):
        value = tuple(value)
    try:
        value = TypeAdapter(get_type_hints(kind)[key]).validate_python(value, strict=True)
    except ValidationError as error:
        raise _bad(path, f"settings.{key}", error.errors()[0]["msg"]) from None
    if key in ("data", "holdout_data"):
        value = tuple(_beside(path, source) for source in value)
    return value


def _beside(path: Path, source: str) -> str:
    return str(path.parent / source.removeprefix(_HERE)) if source.startswith(_HERE) else source


def _bad(path: Path, key: str, problem: Cause | str) -> BadEntry:
    return BadEntry("recipe-key-bad", file=path.name, key=key, fault=problem)
