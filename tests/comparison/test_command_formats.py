"""`formats`: exact answers by model and format. Run: python -m pytest tests/comparison"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from comparison.terminal.cli import main
from comparison.terminal.formats import Counted, read_exam, what_it_shows
from comparison.terminal.wiring import ModelFacts, Wiring
from engines.base import AnswerRequest
from errors import AS_WRITTEN, BadEntry, BadRequest
from history.history import History
from tests.comparison.scripted_command import DEMO
from tests.engines.scripted_engine import Script, ScriptedEngine

ANSWERS = {"하나?": "1이에요.", "둘?": "2예요.", "셋?": "3이에요."}


def knows(own_format: str, but: str = "") -> Script:
    """Right in its own format, except for one question; elsewhere it rambles."""

    def say(request: AnswerRequest) -> list[str]:
        question = request.conversation.turns[-1].question
        if request.format_id != own_format or question == but:
            return ["음", "…"]
        return [ANSWERS[question], "\n"]

    return Script(pieces=say)


def refuses() -> Script:
    return Script(failure=BadRequest(AS_WRITTEN, sentence="This model has no chat template."))


@pytest.fixture
def wiring(tmp_path: Path) -> Wiring:
    path = tmp_path / "exam.jsonl"
    rows = [
        {"id": q, "turns": [{"question": q, "input": "", "answer": a, "banmal": "응"}]}
        for q, a in ANSWERS.items()
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    scripts = {"one": knows("koalpaca"), "two": knows("kullm", but="둘?"), "three": refuses()}
    own = {"one": "koalpaca", "two": "kullm", "three": "koalpaca"}
    return Wiring(
        models={name: ModelFacts(own[name], is_demo=name != "three") for name in scripts},
        formats=("koalpaca", "kullm", "chat"),
        rows_per_model=2,
        demo_questions=path,
        build_engine=lambda: ScriptedEngine(scripts),
        open_history=lambda: History(tmp_path),
    )


def test_the_demo_models_in_each_others_formats(wiring: Wiring, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["formats", "--json"], wiring=lambda: wiring) == 0
    assert json.loads(capsys.readouterr().out) == {
        "questions": 3,
        "rows": [
            {"model": "one", "own_format": "koalpaca", "exact": {"koalpaca": 3, "kullm": 0}},
            {"model": "two", "own_format": "kullm", "exact": {"koalpaca": 0, "kullm": 2}},
        ],
    }


def test_a_table_that_says_what_it_shows(wiring: Wiring, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["formats", "--models", "one,three", "--formats", "koalpaca,chat"], wiring=lambda: wiring) == 0
    )
    out = " ".join(capsys.readouterr().out.split())
    assert "Exact answers of 3" in out
    assert "one │ *3 │ 0 │" in out and "three │ *– │ – │" in out
    assert (
        "Asked in its own format, one gives 3 of 3 answers exactly; the same weights asked in chat give 0."
        in out
    )


def test_a_file_of_ones_own(wiring: Wiring, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"question": "하나?", "answer": "1이에요."}\n', encoding="utf-8")
    arguments = ["formats", "--models", "one", "--questions", str(path), "--json"]
    assert main(arguments, wiring=lambda: wiring) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["exact"] == {"koalpaca": 1}


def test_unknown_names_and_bad_rows_are_code_2(
    wiring: Wiring, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"question": "x", "answer": "y"}\n{"question": "x"}\n', encoding="utf-8")
    for arguments, says in (
        (["--models", "oen"], "no model named 'oen'. Did you mean one?"),
        (["--formats", "kulm"], "no prompt format named 'kulm'"),
        (["--models", "one, one"], "'one' was picked twice.\n"),
        (["--formats", "kullm,chat,kullm"], "'kullm' was picked twice.\n"),
        (["--questions", str(bad)], "bad.jsonl, line 2: needs a question and its answer"),
    ):
        assert main(["formats", *arguments], wiring=lambda: wiring) == 2
        assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    "row", ['{"turns": []}', '{"turns": [1]}', '{"turns": 1}', '{"question": "", "answer": 1}']
)
def test_rows_that_are_no_exam(tmp_path: Path, row: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(row, encoding="utf-8")
    with pytest.raises(BadEntry, match=r"bad\.jsonl, line 1"):
        read_exam(path)


def test_the_set_that_ships_can_be_read() -> None:
    exam = read_exam(DEMO)
    assert len(exam) >= 200
    assert all(question.answers for question in exam)


def test_without_a_gap_nothing_is_claimed() -> None:
    counted = Counted(3, {"m": "a"}, {("m", "a"): 2, ("m", "b"): 2, ("m", "c"): None})
    assert what_it_shows(counted).endswith("No model lost by being asked in another format.")
