"""Weights count rows as told, the same way each time; no held-out question is ever learned.

Run: python -m pytest tests/finetune/data
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import BadRequest
from finetune.data import hold_out, read_examples, without_questions
from finetune.data.holding_out import first_question
from finetune.examples import Example
from finetune.sft_settings import SftSettings
from finetune.training.preparing import read_rows
from tests.finetune.data.data_files import alpaca, asked, lines, written


@pytest.mark.parametrize(
    ("weight", "count"), [("", 10), ("*1", 10), ("*2", 20), ("*0.5", 5), ("*2.3", 23), ("*.1", 1)]
)
def test_a_weight_repeats_and_draws_rows(tmp_path: Path, weight: str, count: int) -> None:
    path = written(tmp_path, "a.jsonl", lines(*alpaca(10)))
    other = written(tmp_path, "b.jsonl", lines({"prompt": "끝?", "completion": "끝", "tokens": 1}))
    found = read_examples([path + weight, other])
    assert len(found.rows) == count + 1 and found.rows[-1].source == "b.jsonl, line 1"
    assert (found.files[0].rows, found.files[0].weight) == (10, float(weight.lstrip("*") or 1))
    sources = [row.source for row in found.rows[:-1]]
    assert Counter(sources).most_common(1)[0][1] <= count // 10 + 1
    order = [int(source.rpartition(" ")[2]) for source in sources[count // 10 * 10 :]]
    assert order == sorted(order)


def test_the_same_seed_draws_the_same_rows(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", lines(*alpaca(40))) + "*0.5"
    assert read_examples([path], seed=1) == read_examples([path], seed=1)
    assert read_examples([path], seed=1).rows != read_examples([path], seed=2).rows


def test_a_file_whose_name_ends_in_a_weight_is_a_file(tmp_path: Path) -> None:
    assert read_examples([written(tmp_path, "a*2", lines(*alpaca(3)))]).files[0].weight == 1.0


def rows(*questions: str) -> list[Example]:
    return [
        Example(asked(question, f"답 {number}"), f"line {number}")
        for number, question in enumerate(questions)
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 60), min_size=0, max_size=120),
    st.floats(0, 0.5),
    st.integers(0, 2**32 - 1),
    st.integers(1, 10),
)
def test_a_question_stands_on_one_side_only(numbers: list[int], share: float, seed: int, least: int) -> None:
    data = rows(*(f"{number} 번" if at % 2 else f"  {number}  번 " for at, number in enumerate(numbers)))
    try:
        learned, held = hold_out(data, share, seed, least)
    except BadRequest as error:
        assert len(data) < 2 * least or len(set(numbers)) < len(numbers) or share > 0.4
        assert f"{max(least, round(share * len(data)))} are held out" in str(error)
        return
    assert {first_question(row) for row in learned}.isdisjoint(map(first_question, held))
    assert sorted([*learned, *held], key=data.index) == data
    assert [learned, held] == [sorted(side, key=data.index) for side in (learned, held)]
    assert len(held) >= least and len(held) <= len(learned)
    assert hold_out(data, share, seed, least) == (learned, held)
    if len(set(numbers)) == len(numbers):
        assert len(held) == max(least, round(share * len(data)))


def test_a_few_more_are_held_out_rather_than_too_few() -> None:
    learned, held = hold_out(rows(*[str(number) for number in range(20)] * 3), 0.0, 1)
    assert (len(learned), len(held)) == (51, 9)


@pytest.mark.parametrize(("share", "said"), [(0.0, True), (0.1, False)])
def test_rows_that_are_held_out_although_none_was_to_be_are_told(
    tmp_path: Path, share: float, said: bool
) -> None:
    file = tmp_path / "rows.jsonl"
    told = [json.dumps({"instruction": f"질문 {at}", "output": "답"}) for at in range(80)]
    file.write_text("\n".join(told), encoding="utf-8")
    rows = read_rows(SftSettings(data=(str(file),), holdout=share), read_examples)
    assert any("8 rows" in note and "holdout is 0" in note for note in rows.notes) is said


def test_different_seeds_hold_out_different_rows() -> None:
    data = rows(*map(str, range(100)))
    assert hold_out(data, 0.1, 1)[1] != hold_out(data, 0.1, 2)[1]
    assert len(hold_out(data, 0.0, 1)[1]) == 8 and len(hold_out(data, 0.25, 1)[1]) == 25


@pytest.mark.parametrize(
    ("questions", "says"),
    [
        ([], "Rows: 0. 8 are held out"),
        (["가?"], "Rows: 1. 8 are held out"),
        ([str(number) for number in range(15)], "Rows: 15. 8 are held out"),
        (["가?"] * 50, "Rows: 50, different questions: 1. "),
    ],
)
def test_too_few_rows_are_refused(questions: list[str], says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        hold_out(rows(*questions), 0.02, 42)


def test_what_is_asked_of_given_rows_is_not_learned() -> None:
    given = rows("  나? ", "라?")
    assert [first_question(row) for row in without_questions(rows("가?", "나?", "나?", "다?"), given)] == [
        "가?",
        "다?",
    ]
    with pytest.raises(BadRequest, match="Every question of the data stands in the held-out data too"):
        without_questions(rows("나?"), given)
