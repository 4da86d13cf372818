"""The arguments of `python -m comparison`, apart from `__main__.py`, which may import nothing slow."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import tyro

from command_line import ended
from comparison.terminal.ask import AskOptions, ask
from comparison.terminal.batch import BatchOptions, batch
from comparison.terminal.formats import FormatsOptions, formats
from comparison.terminal.wiring import Wiring, wire


def main(arguments: Sequence[str] | None = None, wiring: Callable[[], Wiring] = wire) -> int:
    """The exit code; `wiring` is called once the arguments are read."""
    options = tyro.extras.subcommand_cli_from_dict(
        {"ask": AskOptions, "batch": BatchOptions, "formats": FormatsOptions},
        prog="python -m comparison",
        description="Ask Korean language models side by side.",
        args=arguments,
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    return ended(lambda: _run(options, wiring()))


def _run(options: AskOptions | BatchOptions | FormatsOptions, wiring: Wiring) -> int:
    for fault in wiring.faults:
        print(fault, file=sys.stderr)
    if isinstance(options, AskOptions):
        return ask(options, wiring)
    if isinstance(options, BatchOptions):
        return batch(options, wiring)
    return formats(options, wiring)
