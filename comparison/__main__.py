"""The command line: `python -m comparison ask|batch|formats`.

Knows: how arguments are parsed, and that an error a person can act upon is one line and exit code 2.
Refuses to know: what the commands do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper

import tyro

from comparison.cli_ask import Ask, ask
from comparison.cli_batch import BatchOptions, batch
from comparison.cli_formats import Formats, formats
from comparison.interrupt import EXIT_INTERRUPTED
from comparison.wiring import Wiring, wire
from errors import NaraniError

EXIT_BAD_ARGUMENTS = 2


def main(arguments: Sequence[str] | None = None, wiring: Callable[[], Wiring] = wire) -> int:
    """The exit code; `wiring` is called once the arguments are read."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    options = tyro.extras.subcommand_cli_from_dict(
        {"ask": Ask, "batch": BatchOptions, "formats": Formats},
        prog="python -m comparison",
        description="Ask Korean language models side by side.",
        args=arguments,
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    try:
        wired = wiring()
        for fault in wired.faults:
            print(fault, file=sys.stderr)
        return _run(options, wired)
    except NaraniError as error:
        print(error, file=sys.stderr)
        return EXIT_BAD_ARGUMENTS
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _run(options: Ask | BatchOptions | Formats, wiring: Wiring) -> int:
    if isinstance(options, Ask):
        return ask(options, wiring)
    if isinstance(options, BatchOptions):
        return batch(options, wiring)
    return formats(options, wiring)


if __name__ == "__main__":
    sys.exit(main())
