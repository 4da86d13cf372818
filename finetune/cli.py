"""The command line: `python -m finetune` with the kinds of training, data, merge, plan and others.

Knows: the subcommands.
Refuses to know: what the commands do. Whatever needs torch is imported by the command itself, once it runs.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Annotated, Any

import tyro

import command_line
from errors import BadRequest, UnknownName
from finetune import (
    cli_data,
    cli_merge,
    cli_pairs,
    cli_plan,
    cli_recipes,
    cli_rewards,
    cli_runs,
    cli_score,
    cli_train,
)
from settings import read_settings

_SWITCH = (bool, "bool")
"""A field's type as it is, or as it was written."""


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    return command_line.ended(lambda: _answered(given))


def _answered(arguments: list[str]) -> int:
    home = read_settings().home
    return _run(_parsed(arguments, home), home)


def _parsed(arguments: list[str], home: Path) -> Any:
    """The options of the subcommand; a recipe's settings are the defaults of the trainings and of `plan`, and
    those of a run that goes on are the defaults of its training."""
    named, kind = arguments[0] if arguments else "", "sft"
    if named == "plan" and arguments[1:2] and arguments[1] in cli_plan.PLANS:
        kind, arguments = arguments[1], [named, *arguments[2:]]
    elif named == "plan":
        kind = cli_train.kind_of_recipe(arguments) or kind
    trainings = {
        name: cli_train.defaults(options, arguments if named == name else (), home)
        for name, options in cli_train.COMMANDS.items()
    }
    commands: dict[str, Any] = {
        **trainings,
        "data": cli_data.Data,
        "merge": cli_merge.Merge,
        "pairs": cli_pairs.Pairs,
        "plan": cli_train.defaults(cli_plan.PLANS[kind], arguments if named == "plan" else ()),
        "recipes": cli_recipes.Recipes(),
        "rewards": cli_rewards.RewardsCommand(),
        "runs": cli_runs.RunsCommand(),
        "score": cli_score.Score,
    }
    _refuse_unknown(arguments, commands)
    offered: Any = reduce(or_, (_subcommand(name, options) for name, options in commands.items()))
    return tyro.cli(
        offered,
        args=arguments,
        prog="python -m finetune",
        description="Tune Korean language models on answers, preferences and rewards.",
    )


def _refuse_unknown(arguments: Sequence[str], commands: Mapping[str, Any]) -> None:
    """One sentence where the parser would draw a box. What follows a value that is missing is left to it."""
    named = next(iter(arguments), "-h")
    if named.startswith("-"):
        return
    if named not in commands:
        raise UnknownName("command", named, commands)
    known, switches, takes_words = {"--help"}, {named}, False
    for field in fields(commands[named]):
        option = field.name.replace("_", "-")
        spelled = {f"--{option}", f"--no-{option}"} if field.type in _SWITCH else {f"--{option}"}
        known |= spelled
        switches |= spelled if field.type in _SWITCH else set()
        takes_words |= "Positional" in str(field.type)
    before = named
    for argument in arguments[1:]:
        option = argument.partition("=")[0].replace("_", "-")
        if argument.startswith("--") and option not in known:
            raise UnknownName("option", option, known)
        if before in switches and not argument.startswith("-") and not takes_words:
            code = "resume-with-value" if before == "--resume" else "word-without-option"
            raise BadRequest(code, given=argument)
        before = option


def _subcommand(name: str, options: Any) -> Any:
    """A class whose options must be given, or one with every default filled in."""
    if isinstance(options, type):
        return Annotated[options, tyro.conf.subcommand(name)]
    return Annotated[type(options), tyro.conf.subcommand(name, default=options)]


def _run(options: Any, home: Path) -> int:
    match options:
        case cli_plan.PlanOptions():
            return cli_plan.run(options, home)
        case cli_train.CommandOptions():
            return cli_train.run(options, home)
        case cli_merge.Merge():
            return cli_merge.run(options, home)
        case cli_score.Score():
            return cli_score.run(options, home)
        case cli_runs.RunsCommand():
            return cli_runs.run(options, home)
        case _:
            return _run_without_home(options)


def _run_without_home(options: Any) -> int:
    """What neither reads nor writes a training or a model."""
    match options:
        case cli_data.Data():
            return cli_data.run(options)
        case cli_pairs.Pairs():
            return cli_pairs.run(options)
        case cli_recipes.Recipes():
            return cli_recipes.run(options)
        case _:
            return cli_rewards.run(options)
