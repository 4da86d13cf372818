"""Text cells of CSV files that a spreadsheet will not run.

A cell that would be taken for a formula is disarmed and rearmed exactly. Number cells never come here.
"""

from __future__ import annotations

import csv

from text_files import MAX_LINE

FORMULA_STARTS = frozenset("'=+-@\t\r＝＋－＠")
"""The quote itself is among them, so that taking one leading quote away is always the exact undoing."""

csv.field_size_limit(MAX_LINE)  # process-wide in Python; the default of 128 kB refuses long answers


def disarm(text: str) -> str:
    """The cell as it is written."""
    return f"'{text}" if text[:1] in FORMULA_STARTS else text


def rearm(cell: str) -> str:
    """The text as it was, from the cell as it was read."""
    return cell.removeprefix("'")
