"""`python -m finetune pairs`: pairs to tune on, of what people marked in the history or compared in files.

It stands apart from preference_pairs.py because only a command knows where the history of this machine lies.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from errors import BadRequest
from settings import read_settings
from whole_files import write_whole


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Make preference pairs of what people found better: marks in the history, files of compared answers."""

    files: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """CSV or JSON lines with the columns question, answer_a, answer_b and better (a, b or tie)."""
    from_history: bool = False
    """Take the answers that were marked as better in the history of this machine."""
    out: str | None = None
    """The file to write them into, in place of what is there; None: they are printed."""


def run(options: Pairs) -> int:
    from comparison.preference_pairs import JudgedPairs, add_from_file, add_from_history, as_json_lines
    from history.history import History
    from history.records import THIS_MACHINE

    if not (options.files or options.from_history):
        raise BadRequest("pairs-source-unnamed")
    pairs = JudgedPairs()
    for file in options.files:
        add_from_file(pairs, Path(file))
    if options.from_history:
        settings = read_settings()
        history = History(settings.home, settings.database)
        try:
            add_from_history(pairs, history, THIS_MACHINE)
        finally:
            history.close()
    left_out = "".join(f"left out: {count} ({why})\n" for why, count in pairs.left_out.most_common())
    told = f"pairs: {len(pairs.rows)}, questions: {pairs.questions}\n{left_out}"
    if not pairs.rows:
        sys.stderr.write(left_out)
        raise BadRequest("pairs-none-found")
    if options.out is None:
        sys.stdout.write(as_json_lines(pairs))
        sys.stderr.write(told)
    else:
        write_whole(Path(options.out), as_json_lines(pairs))
        sys.stdout.write(told)
    return 0
