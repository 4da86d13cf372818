"""`python -m finetune pairs`: what to tune on, of what people marked in the history or compared in files.

It stands apart from preference_pairs.py because only a command knows where the history of this machine lies.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from errors import BadRequest
from settings import read_settings
from whole_files import write_whole

if TYPE_CHECKING:
    from comparison.preference_pairs import JudgedRows
    from history.history import History


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Make preference pairs or thumbs of what people marked in the history or compared in files."""

    files: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """CSV or JSON lines with the columns question, answer_a, answer_b and better (a, b or tie)."""
    from_history: bool = False
    """Take what was marked in the history of this machine: the better answer against each beside it, and each
    good answer against each bad one to the same question."""
    thumbs: bool = False
    """With --from-history: each answer marked good or bad by itself (prompt, completion, label), as kto reads
    them, in place of pairs."""
    out: str | None = None
    """The file to write them into, in place of what is there; None: they are printed."""


def run(options: Pairs) -> int:
    from comparison.preference_pairs import as_json_lines

    if not (options.files or options.from_history):
        raise BadRequest("pairs-source-unnamed")
    if options.thumbs and (options.files or not options.from_history):
        raise BadRequest("thumbs-from-history-alone")
    judged = _judged(options)
    left_out = "".join(f"left out: {count} ({why})\n" for why, count in judged.left_out.most_common())
    what = "thumbs" if options.thumbs else "pairs"
    told = f"{what}: {len(judged.rows)}, questions: {judged.questions}\n{left_out}"
    if not judged.rows:
        sys.stderr.write(left_out)
        raise BadRequest("thumbs-none-found") if options.thumbs else BadRequest("pairs-none-found")
    if options.out is None:
        sys.stdout.write(as_json_lines(judged))
        sys.stderr.write(told)
    else:
        write_whole(Path(options.out), as_json_lines(judged))
        sys.stdout.write(told)
    return 0


def _judged(options: Pairs) -> JudgedRows:
    from comparison.preference_pairs import JudgedPairs, add_from_file, add_from_history, thumbs_from_history
    from history.records import THIS_MACHINE

    if options.thumbs:
        with _history() as history:
            return thumbs_from_history(history, THIS_MACHINE)
    pairs = JudgedPairs()
    for file in options.files:
        add_from_file(pairs, Path(file))
    if options.from_history:
        with _history() as history:
            add_from_history(pairs, history, THIS_MACHINE)
    return pairs


@contextmanager
def _history() -> Iterator[History]:
    from history.history import History

    settings = read_settings()
    history = History(settings.home, settings.database)
    try:
        yield history
    finally:
        history.close()
