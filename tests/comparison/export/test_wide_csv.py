"""The wide CSV has a row a question and a column a model, each with its newest answer, earlier ones behind.

Run: python -m pytest tests/comparison/export
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from comparison.csv_cells import rearm
from comparison.export.wide_csv import write_wide_csv
from history.records import FlatBatch
from tests.comparison.export.flat_house import HOSTILE, MOMENT, in_pieces, row

Rows = list[dict[str, Any]]


def table(tmp_path: Path, rows: Rows, pieces: int = 2) -> list[list[str]]:
    """Header and lines, disarming undone."""
    path = tmp_path / "wide.csv"
    written = write_wide_csv(lambda: in_pieces(rows, pieces), path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = [[rearm(cell) for cell in line] for line in csv.reader(file, strict=True)]
    assert len(lines) == written + 1
    return lines


def answers(tmp_path: Path, rows: Rows, pieces: int = 2) -> list[dict[str, str]]:
    """By model, the columns before them left out."""
    header, *lines = table(tmp_path, rows, pieces)
    return [dict(zip(header[5:], line[5:], strict=True)) for line in lines]


def test_a_run_is_a_row_with_the_question_first(tmp_path: Path) -> None:
    rows = [
        row(run_id="-a", question="=하나?", input="글", system="말", model="가", text="하나"),
        row(run_id="-a", question="=하나?", input="글", system="말", model="나", text="=둘", position=1),
    ]
    assert table(tmp_path, rows) == [
        ["run_id", "created", "question", "input", "system", "가", "나"],
        ["-a", MOMENT, "=하나?", "글", "말", "하나", "=둘"],
    ]


@pytest.mark.parametrize("pieces", [1, 2, 3, 100])
def test_a_run_may_lie_in_several_batches(tmp_path: Path, pieces: int) -> None:
    rows = [
        row(run_id=run, model=model, position=at, text=f"{run}{model}")
        for run in ("a", "b", "c")
        for at, model in enumerate("가나다")
    ]
    assert answers(tmp_path, rows, pieces) == [
        {model: f"{run}{model}" for model in "가나다"} for run in "abc"
    ]


def test_a_model_that_was_not_asked_has_an_empty_cell(tmp_path: Path) -> None:
    rows = [row(run_id="a", model="가", text="하나"), row(run_id="b", model="나", text="둘")]
    assert answers(tmp_path, rows) == [{"가": "하나", "나": ""}, {"가": "", "나": "둘"}]


def test_of_several_attempts_the_newest_is_the_models_and_the_others_stand_behind(tmp_path: Path) -> None:
    texts = {1: "처음", 4: "끝", 3: "가운데", 2: ""}
    rows = [row(attempt=at, text=text) for at, text in texts.items()]
    rows += [row(position=1, model="나", text="나의 답"), row(run_id="later", text="한 번")]
    header, *lines = table(tmp_path, rows)
    assert header[5:] == ["demo-chat", "나", "demo-chat attempt 1", "demo-chat attempt 3"]
    assert [line[5:] for line in lines] == [["끝", "나의 답", "처음", "가운데"], ["한 번", "", "", ""]]


def test_attempts_of_one_model_asked_twice_stay_with_their_own_column(tmp_path: Path) -> None:
    rows = [
        row(text="하나"),
        row(position=1, attempt=1, text="둘, 처음"),
        row(position=1, attempt=2, text="둘, 다시"),
    ]
    assert answers(tmp_path, rows) == [
        {"demo-chat": "하나", "demo-chat #2": "둘, 다시", "demo-chat #2 attempt 1": "둘, 처음"}
    ]


FAILED = {"state": "failed", "format": "", "quantization": "none", "text": "", "error": "No room."}


@pytest.mark.parametrize(
    ("columns", "titles"),
    [
        ([{}, {"model": "나"}], ["demo-chat", "나"]),
        ([{"asked_quantization": "nf4"}], ["demo-chat"]),
        (
            [{}, {"asked_quantization": "nf4", "quantization": "nf4"}],
            ["demo-chat (none)", "demo-chat (nf4)"],
        ),
        ([{}, {"asked_format": "kullm", "format": "kullm"}], ["demo-chat (koalpaca)", "demo-chat (kullm)"]),
        (
            [
                {},
                {"asked_format": "kullm", "format": "kullm"},
                {"asked_quantization": "nf4", "quantization": "nf4"},
            ],
            ["demo-chat (none, koalpaca)", "demo-chat (none, kullm)", "demo-chat (nf4, koalpaca)"],
        ),
        ([{}, {}], ["demo-chat", "demo-chat #2"]),
        ([{"model": "question"}], ["question [2]"]),
        ([{"model": "=가"}], ["=가"]),
        ([{"request": "broken"}], ["demo-chat"]),
    ],
)
def test_columns_are_told_apart(tmp_path: Path, columns: Rows, titles: list[str]) -> None:
    rows = [row(position=at, text=str(at), **cells) for at, cells in enumerate(columns)]
    assert answers(tmp_path, rows) == [{title: str(at) for at, title in enumerate(titles)}]


def test_an_answer_that_failed_before_its_format_was_known_is_in_its_models_column(tmp_path: Path) -> None:
    quantized = {"asked_quantization": "nf4"}
    rows = [
        row(run_id="a", **FAILED),
        row(run_id="a", position=1, **quantized | FAILED),
        row(run_id="b", text="하나"),
        row(run_id="b", position=1, **quantized | {"quantization": "nf4", "text": "둘"}),
    ]
    assert answers(tmp_path, rows) == [
        {"demo-chat (none)": "", "demo-chat (nf4)": ""},
        {"demo-chat (none)": "하나", "demo-chat (nf4)": "둘"},
    ]


def test_the_own_way_asked_for_by_name_is_the_same_column(tmp_path: Path) -> None:
    asked = {"asked_quantization": "none", "asked_format": "koalpaca"}
    rows = [row(run_id="a", text="하나", **asked), row(run_id="b", text="둘")]
    assert answers(tmp_path, rows) == [{"demo-chat": "하나"}, {"demo-chat": "둘"}]


def test_what_other_rooms_added_stands_behind_its_models_answer(tmp_path: Path) -> None:
    rows = [
        row(model="가", text="하나", extras='{"search":{"sources":[1]},"votes":2}'),
        row(model="나", text="둘", position=1),
        row(run_id="b", model="나", text="셋", extras='{"votes":"=좋음"}'),
    ]
    assert [line[5:] for line in table(tmp_path, rows)] == [
        ["가", "가 extras.search", "가 extras.votes", "나", "나 extras.votes"],
        ["하나", '{"sources": [1]}', "2", "둘", ""],
        ["", "", "", "셋", '"=좋음"'],
    ]


def test_every_text_comes_back(tmp_path: Path) -> None:
    rows = [row(run_id=str(at), question=text, text=text) for at, text in enumerate(HOSTILE)]
    _, *lines = table(tmp_path, rows, 7)
    assert [(line[2], line[5]) for line in lines] == [(text, text) for text in HOSTILE]


def test_an_answer_that_came_between_the_two_readings_has_no_column_yet(tmp_path: Path) -> None:
    rows = [row(model="가", text="하나")]

    def flat() -> Iterator[FlatBatch]:
        yield from in_pieces(rows, 10)
        rows.append(row(model="나", position=1, text="둘"))

    path = tmp_path / "wide.csv"
    assert write_wide_csv(flat, path) == 1
    assert "하나" in path.read_text(encoding="utf-8") and "둘" not in path.read_text(encoding="utf-8")


def test_a_mark_and_a_note_stand_behind_their_answer(tmp_path: Path) -> None:
    extras = '{"mark":{"value":"better"},"search":{}}'
    rows = [
        row(run_id="a", model="가", mark="better, good", note="=근거", extras=extras),
        row(run_id="a", model="나", position=1, text="둘"),
        row(run_id="b", model="가", text="셋"),
    ]
    (first, second) = answers(tmp_path, rows)
    assert first == {
        **{"가": "빛이 흩어져서요.", "가 mark": "better, good", "가 note": "=근거", "가 extras.search": "{}"},
        "나": "둘",
    }
    assert second == {"가": "셋", "가 mark": "", "가 note": "", "가 extras.search": "", "나": ""}
