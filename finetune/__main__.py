"""The command line: `python -m finetune sft|data|merge|plan|recipes|runs`.

Knows: the subcommands, that an error a person can act upon is one line and exit code 2, and Ctrl-C is 130.
Refuses to know: what the commands do. Whatever needs torch is imported by the command itself, once it runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import reduce
from io import TextIOWrapper
from operator import or_
from typing import Annotated, Any

import tyro

from errors import NaraniError, Stopped
from finetune import cli_merge, cli_plan, cli_recipes, cli_runs, cli_sft
from finetune.data import command as cli_data
from settings import read_settings

_BAD_ARGUMENTS = 2
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(_parsed(given))
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        return _INTERRUPTED
    except NaraniError as error:
        print(error, file=sys.stderr)
        return _BAD_ARGUMENTS
    except KeyboardInterrupt:
        return _INTERRUPTED


def _parsed(arguments: list[str]) -> Any:
    """The options of the subcommand; a recipe's settings are the defaults of `sft` and `plan`."""
    named = arguments[0] if arguments else ""
    commands: dict[str, Any] = {
        "sft": cli_sft.defaults(cli_sft.Sft, arguments if named == "sft" else ()),
        "data": cli_data.Data,
        "merge": cli_merge.Merge,
        "plan": cli_sft.defaults(cli_plan.PlanOptions, arguments if named == "plan" else ()),
        "recipes": cli_recipes.Recipes(),
        "runs": cli_runs.Runs(),
    }
    offered: Any = reduce(or_, (_subcommand(name, options) for name, options in commands.items()))
    return tyro.cli(
        offered,
        args=arguments,
        prog="python -m finetune",
        description="Tune Korean language models on questions and answers.",
    )


def _subcommand(name: str, options: Any) -> Any:
    """A class whose options must be given, or one with every default filled in."""
    if isinstance(options, type):
        return Annotated[options, tyro.conf.subcommand(name)]
    return Annotated[type(options), tyro.conf.subcommand(name, default=options)]


def _run(options: Any) -> int:
    home = read_settings().home
    match options:
        case cli_plan.PlanOptions():
            return cli_plan.run(options, home)
        case cli_sft.Sft():
            return cli_sft.run(options, home)
        case cli_data.Data():
            return cli_data.run(options)
        case cli_merge.Merge():
            return cli_merge.run(options, home)
        case cli_recipes.Recipes():
            return cli_recipes.run(options)
        case _:
            return cli_runs.run(options, home)


if __name__ == "__main__":
    sys.exit(main())
