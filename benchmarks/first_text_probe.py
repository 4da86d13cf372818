"""The command line as it is, with a look at the clock when the first text of an answer arrives.

Run: python -m benchmarks.first_text_probe ask QUESTION --models ID --json

Knows: that text reaches every reader through a live answer.
Refuses to know: what is asked, and of which engine. Imports nothing that the command line does not.
"""

from __future__ import annotations

import sys
import time

from comparison.terminal.cli import main
from engines.base import LiveAnswer, Measures


def watch_first_text() -> list[float]:
    """The times at which text arrived, from now on."""
    times: list[float] = []
    append = LiveAnswer.append

    def append_and_note(live: LiveAnswer, text: str, measures: Measures | None = None) -> None:
        append(live, text, measures)
        times.append(time.monotonic())

    setattr(LiveAnswer, "append", append_and_note)  # noqa: B010 - a method is put over one of its class
    return times


if __name__ == "__main__":
    arrived = watch_first_text()
    code = main()
    sys.stdout.write(f"{arrived[0] if arrived else 'no text'}\n")
    sys.exit(code)
