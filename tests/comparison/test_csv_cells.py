"""Disarmed cells: no spreadsheet runs one, and undoing is exact. Run: python -m pytest tests/comparison"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparison.csv_cells import disarm, rearm

STARTS = ("'", "=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


@pytest.mark.parametrize("start", STARTS)
def test_a_formula_gets_one_quote_before_it(start: str) -> None:
    assert disarm(f"{start}1+1") == f"'{start}1+1"
    assert disarm(start) == f"'{start}"


@pytest.mark.parametrize("text", ["", "안녕", " =1", "1-1", "\n=1", "“", "\ufeff=1"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert disarm(text) == text


@given(st.one_of(st.text(), st.builds(str.__add__, st.sampled_from(STARTS), st.text())))
def test_undoing_is_exact_and_nothing_starts_a_formula(text: str) -> None:
    cell = disarm(text)
    assert rearm(cell) == text
    assert cell[:1] not in set(STARTS) - {"'"}
