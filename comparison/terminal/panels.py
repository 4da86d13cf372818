"""A run in the terminal: panels side by side, text growing, state above and figures below.

Panels share the width, Hangul is two cells wide, and no text of a model may steer a terminal.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from comparison.run import Run
from comparison.scoring import score_of, score_problem
from engines.base import Answer, LiveView, Measures, State
from errors import wording
from settings import terminal_language

_NARROWEST = 38
"""Cells a panel needs so that Korean text still reads well."""

_FRAME_LINES = 4
"""Lines of a panel that hold no answer: two borders, and the figures on two lines."""

_SIDES = 4
"""Cells of a panel's width that its borders and padding take."""

_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
_TURNS_OF_DIRECTION = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_UNSEEN = {code: "\ufffd" for code in (*_CONTROLS, *_TURNS_OF_DIRECTION)}
_UNSEEN[ord("\n")] = "\n"
_UNSEEN[ord("\t")] = "    "

_STYLES = {State.DONE: "green", State.FAILED: "red", State.STOPPED: "yellow"}


def printable(text: str) -> str:
    """The text without what moves a cursor, colors a screen or turns its direction round."""
    return unicodedata.normalize("NFC", text).translate(_UNSEEN)


def show(run: Run, console: Console, ticks: Iterable[None]) -> None:
    """Draw the run at each tick, then leave the whole answers standing."""
    with Live(console=console, transient=True, auto_refresh=False) as screen:
        for _ in ticks:
            screen.update(frame(views(run), console, console.height - 1), refresh=True)
    console.print(frame(views(run), console))


def views(run: Run) -> list[LiveView]:
    return [answer.view() for answer in run.answers]


def frame(columns: Sequence[LiveView], console: Console, height: int | None = None) -> RenderableType:
    """The panels in rows of as many as fit; within `height`, a long text shows its end."""
    in_a_row = max(1, min(len(columns), console.width // _NARROWEST))
    rows = [columns[at : at + in_a_row] for at in range(0, len(columns), in_a_row)]
    panel_width = console.width // in_a_row
    panel_height = None if height is None else max(_FRAME_LINES + 1, height // len(rows))
    grid = Table.grid()
    for row in rows:
        grid.add_row(*(_panel(view, console, panel_width, panel_height) for view in row))
    return grid


def plain(run: Run) -> str:
    """The answers one below the other, for a pipe or a file."""
    blocks = []
    for view in views(run):
        blocks.append(f"{view.model_id}\n{printable(view.text)}\n({_figures(view)})\n")
    return "\n".join(blocks)


def _panel(view: LiveView, console: Console, width: int, height: int | None) -> Panel:
    text = Text(printable(view.text))
    if height is not None:
        lines = text.wrap(console, width - _SIDES)
        text = Text("\n").join(lines[-(height - _FRAME_LINES) :])
    return Panel(
        Group(text, Text(_figures(view), style="dim")),
        title=Text(f"{view.model_id} · {view.state}"),
        border_style=_STYLES.get(view.state, "cyan"),
        width=width,
        height=height,
    )


def _figures(view: LiveView) -> str:
    """What is going on, or went wrong, or was measured."""
    if view.answer is not None and view.answer.cause:
        return printable(wording(view.answer.cause, terminal_language()))
    if view.answer is not None:
        return f"{view.answer.finish_reason} · {describe(view.measures)}{_score(view.answer)}"
    if view.state is State.ANSWERING:
        return describe(view.measures)
    progress = "" if view.progress is None else f" {view.progress:.0%}"
    return printable(view.note or view.state) + progress


def _score(answer: Answer) -> str:
    """The score of a reward model, or why there is none."""
    if (problem := score_problem(answer.extras)) is not None:
        return f" · {printable(wording(problem, terminal_language()))}"
    found = score_of(answer.extras)
    return "" if found is None else f" · {printable(found[0])}: {found[1]:.2f}"


def describe(measures: Measures) -> str:
    """'42 tokens · 31.2 tokens/s · first text after 0.8 s · loaded in 2.1 s'."""
    figures = [f"{measures.tokens_out} tokens"]
    if measures.tokens_per_second is not None:
        figures.append(f"{measures.tokens_per_second:.1f} tokens/s")
    if measures.own_seconds_to_first_text is not None and measures.waiting_seconds is not None:
        figures.append(f"first text {measures.own_seconds_to_first_text:.1f} s")
        figures.append(f"waited {measures.waiting_seconds:.1f} s")
    elif measures.seconds_to_first_text is not None:
        figures.append(f"first text after {measures.seconds_to_first_text:.1f} s")
    if measures.load_seconds is not None:
        figures.append(f"loaded in {measures.load_seconds:.1f} s")
    return " · ".join(figures)
