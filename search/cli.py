"""The arguments of `python -m search`, apart from `__main__.py`, which may import nothing slow."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import tyro

from command_line import ended
from comparison.terminal.wiring import Wiring, wire
from search.cli_ask import SearchAskOptions, search_ask
from search.cli_eval import EvalOptions, evaluate_folder
from search.cli_index import IndexOptions, index_folder


def main(arguments: Sequence[str] | None = None, wiring: Callable[[], Wiring] = wire) -> int:
    """The exit code; `wiring` is called once the arguments are read, where models may be asked."""
    options = tyro.extras.subcommand_cli_from_dict(
        {"ask": SearchAskOptions, "index": IndexOptions, "eval": EvalOptions},
        prog="python -m search",
        description="Answer questions from sources, and see where every sentence came from.",
        args=arguments,
        config=(tyro.conf.FlagCreatePairsOff, tyro.conf.EnumChoicesFromValues),
    )
    return ended(lambda: _run(options, wiring))


def _run(options: SearchAskOptions | IndexOptions | EvalOptions, wiring: Callable[[], Wiring]) -> int:
    if isinstance(options, IndexOptions):
        return index_folder(options)
    if isinstance(options, EvalOptions):
        return evaluate_folder(options)
    wired = wiring()
    for fault in wired.faults:
        print(fault, file=sys.stderr)
    return search_ask(options, wired)
