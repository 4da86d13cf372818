"""What `batch` asks stands in the history, too. Run: python -m pytest tests/comparison"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from comparison.batch.jobs import BatchJobs
from comparison.terminal.cli import main
from history.history import History
from history.records import THIS_MACHINE
from tests.comparison.answers_read import read_answers
from tests.comparison.batch_house import until
from tests.comparison.scripted_command import (
    SCRIPTS,
    StartCommand,
    locked,
    scripted_wiring,
    states_on_disk,
)
from tests.comparison.test_command_batch import asked, out, questions, run
from tests.engines.scripted_engine import Script, ScriptedEngine

__all__ = ["out", "questions"]


def batches(home: Path) -> list[tuple[str, int, int, int, bool]]:
    """Those of this machine, the newest first: name, answers wanted, done and failed, at work elsewhere."""
    with closing(History(home)) as history:
        return [
            (each.head.name, each.wanted, each.done, each.failed, each.elsewhere)
            for each in history.batches(THIS_MACHINE)
        ]


def test_a_batch_stands_in_the_history_of_this_machine(questions: Path, out: Path, home: Path) -> None:
    assert run(questions, out, "--no-history", models="steady") == 0
    assert not home.exists()
    assert run(questions, out, models="steady") == 0
    assert batches(home) == [("questions.txt", 6, 6, 0, False)], "what only the file held is there, too"
    assert run(questions, out, models="steady") == 0
    assert len(batches(home)) == 1, "the same command is the same batch"
    questions.write_text(
        questions.read_text(encoding="utf-8") + "7번째 질문?\n1번째 질문?\n", encoding="utf-8"
    )
    assert run(questions, out, models="steady,absent") == 3
    assert batches(home)[0] == ("questions.txt", 14, 14, 7, False) and len(batches(home)) == 2
    assert out.read_bytes().count(b'"absent"') == 7, "a question that stands there twice is asked once"
    with closing(History(home)) as history:
        stored = [run.answers[0].answer for run in history.page(THIS_MACHINE, size=7).runs]
    rows = {row.question: row for row in read_answers(out) if row.model == "steady"}
    assert {answer.prompt: (answer.text, answer.measures.tokens_out) for answer in stored if answer} == {
        row.prompt: (row.text, row.measures.tokens_out) for row in rows.values()
    }


def test_a_batch_that_was_killed_is_interrupted_in_the_history_and_the_same_command_goes_on(
    questions: Path, out: Path, home: Path, start_command: StartCommand
) -> None:
    arguments = ["batch", str(questions), "--models", "steady,endless", "--out", str(out)]
    process = start_command(*arguments, "--max-new-tokens", 10_000)
    until(lambda: states_on_disk(home).count("done") == 6)
    assert batches(home) == [("questions.txt", 12, 6, 0, True)]
    process.kill()
    process.wait()
    assert batches(home) == [("questions.txt", 12, 6, 0, False)] and len(asked(out)) == 6
    mended = scripted_wiring({**SCRIPTS, "endless": Script()})
    assert main([*arguments, "--max-new-tokens", "10000"], wiring=lambda: mended) == 0
    assert batches(home) == [("questions.txt", 12, 12, 0, False)] and len(asked(out)) == 12


def test_a_history_out_of_reach_costs_one_line_and_is_made_good_by_the_same_command(
    questions: Path, out: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with locked(home):
        assert run(questions, out, models="calm") == 0
    err = capsys.readouterr().err
    assert err.count("Not kept in the history: ") == 1 and "out.csv; the same command again" in err
    assert len(asked(out)) == 6 and batches(home) == []
    assert run(questions, out, models="calm") == 0
    assert batches(home) == [("questions.txt", 6, 6, 0, False)]


def test_a_batch_of_the_terminal_is_gone_on_with_on_the_page(questions: Path, out: Path, home: Path) -> None:
    assert run(questions, out, models="steady,absent") == 3
    with closing(History(home)) as history, closing(ScriptedEngine()) as engine:
        (stored,) = history.batches(THIS_MACHINE)
        job = BatchJobs(engine, history, rows_per_model=4).go_on(THIS_MACHINE, stored.head.id, True)
        assert job.wait(10) and (job.view().done, job.view().failed) == (12, 0)
    assert run(questions, out, models="steady,absent") == 3, "the file alone decides for the command"
    assert batches(home) == [("questions.txt", 12, 12, 0, False)], "what was answered since stays"


def test_a_batch_that_was_deleted_from_the_history_is_another_one_when_it_is_asked_again(
    questions: Path, out: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(questions, out, models="calm") == 0
    with closing(History(home)) as history:
        history.delete(THIS_MACHINE, [each.head.id for each in history.page(THIS_MACHINE).runs])
    assert batches(home) == []
    out.unlink()
    assert run(questions, out, models="calm") == 0
    assert batches(home) == [("questions.txt", 6, 6, 0, False)]
    assert "history" not in capsys.readouterr().err
