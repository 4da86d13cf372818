"""Question files as people have them: jsonl, csv or one question a line.

Columns go by English and Korean names. A file with bad rows is refused as a whole, before anything is
asked, and the first of them are named by their lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from comparison.csv_cells import rearm
from comparison.export.exported_questions import FirstQuestions, is_ours
from errors import BadEntry, BadRequest, Cause, NaraniError
from text_files import TextFile, open_text
from text_rows import COLUMN_NAMES, TextRow, csv_header, csv_rows, json_line_rows, plain_name

_SHOWN_LINES = 5
_ROWS_FOR_COLUMNS = 100

NumberedRow = tuple[int, Mapping[str, object]]
"""The line a row begins on, and its cells by column name."""


@dataclass(frozen=True)
class Question:
    """One row of a question file."""

    id: str
    text: str
    input: str = ""
    system: str = ""


@dataclass(frozen=True)
class QuestionFile:
    """The questions in the order of the file, and what was found out about the file."""

    questions: tuple[Question, ...]
    encoding: str
    notes: tuple[str, ...] = ()
    """What the person should know: a converted encoding, a column that was chosen."""


class _BadQuestion(NaraniError):
    """Why one row cannot be asked."""


def read_questions(path: Path, column: str | None = None, input_column: str | None = None) -> QuestionFile:
    """Every question of a file; `column` names the one that holds the questions, `input_column` the one with
    what each is about (an empty name: none of them)."""
    rows, first = _reader(path), FirstQuestions(column)
    with open_text(path) as file:
        questions, notes = _questions(first.of(rows(file)), file.name, column, input_column)
    if not questions:
        raise BadEntry("no-questions", file=path.name)
    return QuestionFile(tuple(questions), file.encoding, (*file.notes, *notes, *first.notes))


def columns_of(path: Path) -> tuple[str, ...]:
    """The columns one may choose from, in the order of the file; a .txt file has none."""
    rows = _reader(path)
    if rows is _txt_rows:
        return ()
    with open_text(path) as file:
        first = islice(rows(file), _ROWS_FOR_COLUMNS)
        return tuple(dict.fromkeys(name for _, row in first for name in row))


def column_for(use: str, names: Iterable[str]) -> str | None:
    """The column that goes by a name of this use; of several the one whose name is the most usual."""
    plain = {plain_name(name): name for name in names}
    return next((plain[name] for name in COLUMN_NAMES[use] if name in plain), None)


def _reader(path: Path) -> Callable[[TextFile], Iterator[NumberedRow]]:
    if path.is_dir():
        raise BadRequest("questions-folder", file=path.name)
    rows = {".jsonl": jsonl_rows, ".csv": table_rows, ".txt": _txt_rows}.get(path.suffix.lower())
    if rows is None:
        raise BadRequest("questions-other-file", file=path.name)
    return rows


def jsonl_rows(file: TextFile) -> Iterator[NumberedRow]:
    """The objects of a file; one that cannot be read ends it."""
    return _whole(file, json_line_rows(file))


def table_rows(file: TextFile) -> Iterator[NumberedRow]:
    """The rows of a CSV file; one that cannot be read ends it."""
    ours = is_ours(csv_header(file))
    for number, cells in _whole(file, csv_rows(file, with_nul=ours)):
        yield number, {name: rearm(str(cell)) for name, cell in cells.items()} if ours else cells


def _whole(file: TextFile, rows: Iterable[TextRow]) -> Iterator[NumberedRow]:
    for row in rows:
        if row.fault:
            raise BadEntry("line-fault", file=file.name, line=row.line, fault=row.fault)
        yield row.line, row.cells


def _txt_rows(file: TextFile) -> Iterator[NumberedRow]:
    return ((number, {"question": line.strip()}) for number, line in file.lines() if line.strip())


def _questions(
    rows: Iterator[NumberedRow], name: str, column: str | None, input_column: str | None
) -> tuple[list[Question], list[str]]:
    questions: list[Question] = []
    faults: dict[str, tuple[Cause, list[int]]] = {}
    used: set[str] = set()
    for at, (number, row) in enumerate(rows, start=1):
        try:
            question_column = column or column_for("question", row)
            questions.append(_question(row, question_column, input_column, str(at)))
            used.add(question_column or "")
        except _BadQuestion as fault:
            faults.setdefault(str(fault), (fault.cause, []))[1].append(number)
    if faults:
        lines = [_at_lines(*fault) for fault in faults.values()]
        raise BadEntry("questions-unreadable", file=name, faults=lines)
    chosen = ", ".join(sorted(used - {"question", column}))
    return questions, [f"Questions are read from the column '{chosen}'."] if chosen else []


def _at_lines(fault: Cause, numbers: list[int]) -> Cause:
    more = len(numbers) - _SHOWN_LINES
    code = "fault-at-many-lines" if more > 0 else "fault-at-lines"
    return Cause(code, lines=numbers[:_SHOWN_LINES], more=more, fault=fault)


def _question(
    row: Mapping[str, object], column: str | None, input_column: str | None, number: str
) -> Question:
    if column is None or column not in row:
        wanted = (column,) if column else COLUMN_NAMES["question"]
        raise _BadQuestion("no-such-column", wanted=wanted, found=tuple(row))
    text = _text(row, column)
    if not text.strip():
        raise _BadQuestion("cell-empty", column=column)
    return Question(
        id=_text(row, "id") or number,
        text=text,
        input=_text(row, column_for("input", row) if input_column is None else input_column),
        system=_text(row, column_for("system", row)),
    )


def _text(row: Mapping[str, object], column: str | None) -> str:
    value = "" if column is None else row.get(column)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise _BadQuestion("cell-not-text", column=column)
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise _BadQuestion("cell-half-character", column=column)
    return value
