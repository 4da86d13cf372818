"""`python -m finetune sft | reward | dpo | kto | grpo | rloo | ppo`: the options of a training of each kind.

Of a setting the person's value counts, then that of the run which goes on, then the recipe's, then the
default.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar, TypeVar

from errors import BadRequest
from finetune.distributed.ranks import launched
from finetune.job_state import job
from finetune.kinds import KINDS
from finetune.kinds import settings_of as settings_recorded
from finetune.preference_settings import DpoSettings, KtoSettings
from finetune.recipes import Recipe, load_recipe, recipe_of_base
from finetune.reward_settings import RewardSettings
from finetune.rl_settings import GrpoSettings, PpoSettings, RlooSettings
from finetune.run_settings import RunSettings
from finetune.running import run_training
from finetune.sft_settings import SftSettings

_NO_RECIPE = "none"


@dataclass(frozen=True, kw_only=True)
class CommandOptions:
    """What every kind of training can be told beside its settings."""

    kind: ClassVar[str]
    recipe: str | None = None
    """Settings of a published training (see `recipes`); what else is said here goes before them. None: the
    one that the base brings along; none: no recipe at all."""
    now: bool = False
    """Start at once, also where another training is under way; otherwise it waits for its turn."""
    processes: int | None = None
    """With distributed: so many processes; None: one a GPU of this machine, or as a launcher began them."""


@dataclass(frozen=True, kw_only=True)
class Sft(CommandOptions, SftSettings):
    """Tune a base model on questions and answers, to an adapter or model that the comparison lists."""


@dataclass(frozen=True, kw_only=True)
class Reward(CommandOptions, RewardSettings):
    """Train a reward model on pairs of answers: it scores how good an answer is."""


@dataclass(frozen=True, kw_only=True)
class Dpo(CommandOptions, DpoSettings):
    """Tune a model on pairs of a better and a worse answer, without a reward model."""


@dataclass(frozen=True, kw_only=True)
class Kto(CommandOptions, KtoSettings):
    """Tune a model on single answers that were found good or bad."""


@dataclass(frozen=True, kw_only=True)
class Grpo(CommandOptions, GrpoSettings):
    """Let a model learn by rewards, answers to one question compared with each other."""


@dataclass(frozen=True, kw_only=True)
class Rloo(CommandOptions, RlooSettings):
    """Let a model learn by rewards, each answer compared with the mean of the others."""


@dataclass(frozen=True, kw_only=True)
class Ppo(CommandOptions, PpoSettings):
    """Let a model learn by rewards that a value head foresees: the third step after SFT and reward model."""


COMMANDS: dict[str, type[CommandOptions]] = {
    "sft": Sft,
    "reward": Reward,
    "dpo": Dpo,
    "kto": Kto,
    "grpo": Grpo,
    "rloo": Rloo,
    "ppo": Ppo,
}

Asked = TypeVar("Asked", bound=CommandOptions)


def defaults(options: type[Asked], arguments: Sequence[str], home: Path | None = None) -> Asked:
    """What holds where these arguments say nothing: the settings of the run in `home` that is to go on, the
    recipe's, and ours."""
    kind = _settings_class(options).kind
    named = _said(arguments, "--recipe")
    if home is not None and named is None and "--resume" in arguments:
        begun = _begun(_said(arguments, "--name"), kind, home)
        if begun is not None:
            return options(**{**vars(begun), "resume": False})
    if named == _NO_RECIPE:
        return options(recipe=_NO_RECIPE)
    recipe = load_recipe(named) if named else _brought_along(_said(arguments, "--base-model"), kind)
    if recipe is None:
        return options()
    if recipe.kind != kind:
        raise BadRequest("recipe-of-another-kind", recipe=recipe.name, kind=recipe.kind, asked=kind)
    kept = dict(recipe.settings)
    if named is None:
        # Its way to learn, but not the rows that somebody else learned.
        kept.pop("base_model", None)
        kept.pop("data", None)
    return options(**kept, recipe=recipe.name)


def settings_of(options: CommandOptions) -> RunSettings:
    kind = _settings_class(type(options))
    return kind(**{field.name: getattr(options, field.name) for field in fields(kind)})


def kind_of_recipe(arguments: Sequence[str]) -> str | None:
    """The kind that the recipe is for, where these arguments name one."""
    named = _said(arguments, "--recipe")
    return load_recipe(named).kind if named not in (None, _NO_RECIPE) else None


def _settings_class(options: type[CommandOptions]) -> type[RunSettings]:
    """The kind's own class, of which the options are made."""
    return KINDS[options.kind].settings


def run(options: CommandOptions, home: Path) -> int:
    if options.recipe not in (None, _NO_RECIPE) and launched().first:
        sys.stdout.write(f"Recipe: {options.recipe}\n")
    return run_training(settings_of(options), home, now=options.now, processes=options.processes)


def _begun(name: str | None, kind: str, home: Path) -> RunSettings | None:
    """As the run was asked for; None where there is none of this name, which is refused later."""
    found = job(home, name) if name else None
    if found is None or not found.settings:
        return None
    if found.kind != kind:
        raise BadRequest("run-of-another-kind", run=found.name, kind=found.kind, asked=kind)
    return settings_recorded(found.record)


def _brought_along(base_model: str | None, kind: str) -> Recipe | None:
    return recipe_of_base(base_model, kind) if base_model else None


def _said(arguments: Sequence[str], option: str) -> str | None:
    """The last value of an option, however it is spelled; parsing comes later, with it as a default."""
    found = None
    for place, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name.replace("_", "-") == option:
            following = arguments[place + 1] if place + 1 < len(arguments) else None
            found = value if equals else following
    return found
