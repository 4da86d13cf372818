"""Text cells of CSV files that a spreadsheet will not run.

Knows: which first characters a spreadsheet takes for a formula; how to disarm and rearm a cell exactly.
Refuses to know: tables, files and what the text means. Number cells stay numbers and never come here.
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
