"""A data report in the terminal.

Knows: words, colors and columns; that text of the data is shown as text, never as markup or control codes.
Refuses to know: how anything was counted.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from finetune.data.lengths import Lengths, Sample
from finetune.data.report import DataReport, Found
from finetune.data.shapes import TITLES

_BAR = 40
_LONGEST_SAMPLE = 1500
_LEARNED = "black on green"
_OPEN, _CLOSE = "⟦", "⟧"
"""Around what is learned, where there are no colors."""


def print_report(report: DataReport, console: Console) -> None:
    console.print(_files(report))
    console.print(_counted(report))
    for line in _warnings(report):
        console.print(Text(line, "yellow"))
    for note in report.notes:
        console.print(Text(note, "dim"))
    if report.lengths is not None:
        _print_lengths(report.lengths, console)
    _print_samples(report, console)


def _files(report: DataReport) -> Table:
    table = Table("file", "recognized as", title_justify="left")
    for name in ("rows", "left out", "weight"):
        table.add_column(name, justify="right")
    table.add_column("sha256")
    for file in report.files:
        numbers = (f"{file.rows:,}", f"{file.bad:,}", f"{file.weight:g}")
        table.add_row(Text(file.name), TITLES[file.shape], *numbers, file.sha256[:12])
    return table


def _counted(report: DataReport) -> Text:
    base = f" by {report.base}" if report.base else ""
    return Text(f"{report.rows:,} rows with {report.answers:,} answers, read as {report.format_id}{base}.")


def _warnings(report: DataReport) -> Iterator[str]:
    for fault in report.faults:
        yield f"Left out: {fault.source}: {fault.why}."
    if report.empty_answers:
        yield f"{report.empty_answers:,} of the rows left out have an empty answer."
    for found, sentence in _with_sentences(report):
        if found.rows:
            yield f"{found.rows:,} {'row' if found.rows == 1 else 'rows'} {sentence} ({_where(found)})."


def _with_sentences(report: DataReport) -> Iterator[tuple[Found, str]]:
    yield report.duplicates, "stood there before, word for word"
    yield report.repeated_questions, "ask a question that stood there before, with another answer"
    yield report.refused, f"cannot be written in this format: {report.refused.what.rstrip('.')}"
    for found in report.markers:
        yield found, f"hold '{found.what}', a marker of the format: an answer would end there"
    for found in report.end_tokens:
        yield found, f"hold '{found.what}' written out; it stays text and ends nothing"
    for found in report.taught:
        yield found, f"hold '{found.what}' in an answer, where it is learned as the control token it is"


def _where(found: Found) -> str:
    more = "; …" if found.rows > len(found.first) else ""
    return "; ".join(found.first) + more


def _print_lengths(lengths: Lengths, console: Console) -> None:
    console.print(
        f"Tokens a row: shortest {lengths.shortest:,}, median {lengths.median:,}, mean {lengths.mean:,.0f}, "
        f"longest {lengths.longest:,}; {lengths.learned:,} of {lengths.tokens:,} are learned "
        f"({lengths.rows:,} rows of {lengths.measured:,} examples measured)."
    )
    most = max(one.rows for one in lengths.bins)
    table = Table(box=None, show_header=False)
    for one in lengths.bins:
        color = "red" if one.low > lengths.max_tokens else "cyan"
        bar = "█" * max(round(_BAR * one.rows / most), 1 if one.rows else 0)
        table.add_row(f"{one.low:,}–{one.high:,}", Text(bar, color), f"{one.rows:,}")
    console.print(table)
    console.print(_cut(lengths))


def _cut(lengths: Lengths) -> str:
    if not lengths.cut and not lengths.dropped:
        return f"No row is longer than {lengths.max_tokens:,} tokens."
    lost = f"; {lengths.dropped:,} answers would be lost whole" if lengths.dropped else ""
    cut = f"{lengths.cut:,} {'row is' if lengths.cut == 1 else 'rows are'} longer"
    return f"{cut} than {lengths.max_tokens:,} tokens and would lose the end{lost}."


def _print_samples(report: DataReport, console: Console) -> None:
    console.print(Text("As it is learned; what is marked is what the model learns to write:", "bold"))
    for sample in report.samples:
        console.rule(Text(sample.source), align="left")
        console.print(_sample(sample, colored=console.color_system is not None), soft_wrap=True)


def _sample(sample: Sample, colored: bool) -> Text:
    text = Text()
    for part in sample.parts:
        shown = _visible(part.text)
        if part.learned and not colored:
            shown = f"{_OPEN}{shown}{_CLOSE}"
        text.append(shown, _LEARNED if part.learned else "")
    text.truncate(_LONGEST_SAMPLE, overflow="ellipsis")
    return text


def _visible(text: str) -> str:
    """Without codes that would move the cursor or change colors."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "\ufffd" for letter in text)
