"""Tables of the command line in a terminal of any width: where there is no room for all columns, those that
can be spared go, and the table says so. What goes into a pipe is as wide as always."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

_PIPE_WIDTH = 120
_BETWEEN = 3
"""Cells between two columns of such a box."""
_LEAST = 24
"""The room that a column of sentences needs to be read."""


@dataclass(frozen=True)
class Column:
    title: str
    spared: int = 0
    """0: it is always there. Otherwise the columns with the highest number go first."""
    wraps: bool = False
    """It holds sentences."""
    right: bool = False


def console(*, quiet: bool = False) -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH, quiet=quiet)


def fitted(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    width: int,
    *,
    bold: Sequence[bool] = (),
    caption: str = "",
) -> Table:
    """`bold`: of each row whether it is."""
    needed = [_LEAST if column.wraps else _longest(at, column, rows) for at, column in enumerate(columns)]
    shown = list(range(len(columns)))
    while sum(needed[at] + _BETWEEN for at in shown) > width:
        spare = max(shown, key=lambda at: columns[at].spared)
        if not columns[spare].spared:
            break
        shown.remove(spare)
    left_out = [column.title for at, column in enumerate(columns) if at not in shown]
    told = [caption] * bool(caption)
    told += [f"Not shown in a terminal as narrow as this: {', '.join(left_out)}."] * bool(left_out)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption=" ".join(told) or None, caption_justify="left")
    for at in shown:
        column = columns[at]
        table.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=not column.wraps,
            overflow="fold",
        )
    for number, row in enumerate(rows):
        style = "bold" if bold and bold[number] else ""
        table.add_row(*(Text(row[at]) for at in shown), style=style)
    return table


def _longest(at: int, column: Column, rows: Sequence[Sequence[str]]) -> int:
    return max(cell_len(text) for text in (column.title, *(row[at] for row in rows)))
