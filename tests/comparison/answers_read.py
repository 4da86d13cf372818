"""An answer file read back, for tests of what writes it."""

from __future__ import annotations

import csv
from pathlib import Path

from comparison.answer_rows import AnswerRow, columns_of, decode, newest


def read_answers(path: Path) -> list[AnswerRow]:
    """The answers of a file, the newest of each question and model; a last row that is only half there counts
    for nothing."""
    text = path.read_bytes().decode("utf-8-sig", "replace")
    whole = text[: text.rfind("\r\n") + 2]
    while whole.count('"') % 2:
        whole = whole[: whole.rstrip("\r\n").rfind("\r\n") + 2]
    header, *rows = csv.reader(_lines(whole), strict=True)
    columns = columns_of(header)
    assert columns is not None, header
    return list(newest(decode(cells, columns) for cells in rows).values())


def _lines(text: str) -> list[str]:
    return [line + "\n" for line in text.split("\n")[:-1]]
