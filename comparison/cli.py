"""The command line: `python -m comparison ask|batch|formats`.

Knows: how arguments are parsed.
Refuses to know: what the commands do, and how a process begins and ends (command_line.py).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import tyro

from command_line import ended
from comparison.cli_ask import Ask, ask
from comparison.cli_batch import BatchOptions, batch
from comparison.cli_formats import Formats, formats
from comparison.wiring import Wiring, wire


def main(arguments: Sequence[str] | None = None, wiring: Callable[[], Wiring] = wire) -> int:
    """The exit code; `wiring` is called once the arguments are read."""
    options = tyro.extras.subcommand_cli_from_dict(
        {"ask": Ask, "batch": BatchOptions, "formats": Formats},
        prog="python -m comparison",
        description="Ask Korean language models side by side.",
        args=arguments,
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    return ended(lambda: _run(options, wiring()))


def _run(options: Ask | BatchOptions | Formats, wiring: Wiring) -> int:
    for fault in wiring.faults:
        print(fault, file=sys.stderr)
    if isinstance(options, Ask):
        return ask(options, wiring)
    if isinstance(options, BatchOptions):
        return batch(options, wiring)
    return formats(options, wiring)
