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
from finetune.data.preference_lengths import LengthBias
from finetune.data.report import DataReport, Found
from finetune.data.shapes import TITLES

_BAR = 40
_LONGEST_SAMPLE = 1500
_LEARNED = "black on green"
_AS_LEARNED = "As it is learned; what is marked is what the model learns to write:"
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
        _print_lengths(report, report.lengths, console)
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
    rows, good = f"{report.rows:,}", f"{report.good:,}"
    what = {
        "examples": f"{rows} rows with {report.answers:,} answers",
        "pairs": f"{rows} pairs of answers to {report.questions:,} questions",
        "labeled": f"{rows} answers to {report.questions:,} questions, {good} of them good",
        "prompts": f"{rows} rows that ask {report.questions:,} questions, {good} with what is expected",
    }
    return Text(f"{what[report.use]}, read as {report.format_id}{base}.")


def _warnings(report: DataReport) -> Iterator[str]:
    for fault in report.faults:
        yield f"Left out: {fault.source}: {fault.why}."
    if report.empty_answers:
        yield f"{report.empty_answers:,} of the rows left out have an empty answer."
    if report.length_bias is not None and report.length_bias.is_marked:
        yield _length_bias(report.length_bias)
    for found, sentence in _with_sentences(report):
        if found.rows:
            yield f"{found.rows:,} {'row' if found.rows == 1 else 'rows'} {sentence} ({_where(found)})."


def _with_sentences(report: DataReport) -> Iterator[tuple[Found, str]]:
    yield report.duplicates, "stood there before, word for word"
    yield report.repeated_questions, "ask a question that stood there before, with another answer"
    yield report.contradicted, "stood there before the other way round: what was better is worse here"
    yield report.held_out_too, "ask a question of the held-out data, and are not learned"
    yield report.refused, f"cannot be written in this format: {report.refused.what.rstrip('.')}"
    for found in report.markers:
        yield found, f"hold '{found.what}', a marker of the format: an answer would end there"
    for found in report.end_tokens:
        yield found, f"hold '{found.what}' written out; it stays text and ends nothing"
    for found in report.taught:
        yield found, f"hold '{found.what}' in an answer, where it is learned as the control token it is"


def _length_bias(bias: LengthBias) -> str:
    share, length = bias.share, "longer"
    if share < 0.5:
        share, length = 1 - share, "shorter"
    return (
        f"In {share:.0%} of the pairs the chosen answer is the {length} one: length alone nearly tells them "
        "apart, and may be what is learned."
    )


def _where(found: Found) -> str:
    more = "; …" if found.rows > len(found.first) else ""
    return "; ".join(found.first) + more


def _print_lengths(report: DataReport, lengths: Lengths, console: Console) -> None:
    learned, measured = "in answers", "measured"
    if report.use == "examples":
        learned, measured = "learned", "examples measured"
    console.print(
        f"Tokens a row: shortest {lengths.shortest:,}, median {lengths.median:,}, mean {lengths.mean:,.0f}, "
        f"longest {lengths.longest:,}; {lengths.learned:,} of {lengths.tokens:,} are {learned} "
        f"({lengths.rows:,} rows of {lengths.measured:,} {measured})."
    )
    most = max(one.rows for one in lengths.bins)
    table = Table(box=None, show_header=False)
    for one in lengths.bins:
        color = "red" if one.low > lengths.max_tokens else "cyan"
        bar = "█" * max(round(_BAR * one.rows / most), 1 if one.rows else 0)
        table.add_row(f"{one.low:,}–{one.high:,}", Text(bar, color), f"{one.rows:,}")
    console.print(table)
    for part in report.parts:
        console.print(
            f"Tokens, {part.part}: median {part.median:,}, mean {part.mean:,.0f}, longest {part.longest:,}."
        )
    console.print(_cut(lengths, report.use))


def _cut(lengths: Lengths, use: str) -> str:
    if not lengths.cut and not lengths.dropped:
        return f"No row is longer than {lengths.max_tokens:,} tokens."
    lost = f"; {lengths.dropped:,} answers would be lost whole" if lengths.dropped else ""
    cut = f"{lengths.cut:,} {'row is' if lengths.cut == 1 else 'rows are'} longer"
    if use != "examples":
        return f"{cut} than {lengths.max_tokens:,} tokens and would be left out."
    return f"{cut} than {lengths.max_tokens:,} tokens and would lose the end{lost}."


def _print_samples(report: DataReport, console: Console) -> None:
    said = "As it is asked:" if report.use == "prompts" else _AS_LEARNED
    console.print(Text(said, "bold"))
    for sample in report.samples:
        console.rule(Text(f"{sample.source}, {sample.what}" if sample.what else sample.source), align="left")
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
