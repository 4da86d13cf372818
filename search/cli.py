"""The arguments of `python -m search`, apart from `__main__.py`, which may import nothing slow."""

from __future__ import annotations

from collections.abc import Sequence

import tyro

from command_line import ended
from search.cli_eval import EvalOptions, evaluate_folder
from search.cli_index import IndexOptions, index_folder


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    options = tyro.extras.subcommand_cli_from_dict(
        {"index": IndexOptions, "eval": EvalOptions},
        prog="python -m search",
        description="Answer questions from sources, and see where every sentence came from.",
        args=arguments,
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    return ended(lambda: _run(options))


def _run(options: IndexOptions | EvalOptions) -> int:
    if isinstance(options, IndexOptions):
        return index_folder(options)
    return evaluate_folder(options)
