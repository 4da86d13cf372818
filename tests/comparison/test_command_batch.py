"""`batch`: goes on where it stopped, and nothing reported is lost. Run: python -m pytest tests/comparison"""

from __future__ import annotations

import re
import resource
import signal
import time
from pathlib import Path

import pytest

from comparison.terminal.answer_file import HEADER
from comparison.terminal.cli import main
from errors import AS_WRITTEN, EngineDown, LoadError, NaraniError
from tests.comparison.answers_read import read_answers
from tests.comparison.scripted_command import SCRIPTS, StartCommand, scripted_wiring
from tests.engines.scripted_engine import Script


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.txt"
    path.write_text("".join(f"{at}번째 질문?\n" for at in range(1, 7)), encoding="utf-8")
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.csv"


def run(questions: Path, out: Path, *arguments: str, models: str = "calm,steady") -> int:
    everything = ["batch", str(questions), "--models", models, "--out", str(out), *arguments]
    return main(everything, wiring=scripted_wiring)


def asked(out: Path) -> list[tuple[str, str]]:
    return [(row.question_id, row.model) for row in read_answers(out)]


def test_every_question_is_answered_by_every_model(
    questions: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(questions, out, "--seed", "3") == 0
    rows = read_answers(out)
    assert sorted(asked(out)) == sorted(
        (str(at), model) for at in range(1, 7) for model in ("calm", "steady")
    )
    assert {row.text for row in rows if row.model == "steady"} == {"한 번 더"}
    assert all('"seed": 3' in row.settings and row.started <= row.ended for row in rows)
    printed = capsys.readouterr()
    assert printed.out == "" and "12 of 12 answered" in printed.err
    assert printed.err.endswith("All answers are in out.csv.\n")


def test_the_same_command_again_asks_only_what_is_missing(
    questions: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(questions, out, models="calm") == 0
    before = out.read_bytes()
    assert run(questions, out, models="calm") == 0
    assert out.read_bytes() == before, "nothing was asked"
    with questions.open("r+", encoding="utf-8") as file:
        text = file.read()
        file.seek(0)
        file.write("새 질문?\n" + text)
    assert run(questions, out, models="calm,steady") == 0
    assert out.read_bytes().startswith(before)
    assert len(read_answers(out)) == 14
    assert "out.csv holds 6 of these answers already." in capsys.readouterr().err


def test_failed_cells_are_asked_again_when_wished(
    questions: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(questions, out, models="calm,breaks") == 3
    assert "6 failed; the other answers are in out.csv. --retry-failed" in capsys.readouterr().err
    before = out.read_bytes()
    assert run(questions, out, models="calm,breaks") == 3
    assert out.read_bytes() == before, "not without the wish"
    mended = scripted_wiring({**SCRIPTS, "breaks": Script()})
    arguments = ["batch", str(questions), "--models", "calm,breaks", "--out", str(out), "--retry-failed"]
    assert main(arguments, wiring=lambda: mended) == 0
    rows = read_answers(out)
    assert len(rows) == 12 and not any(row.failed for row in rows)
    assert {row.attempt for row in rows if row.model == "breaks"} == {2}


def test_a_fault_is_told_once(questions: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(questions, out, models="absent,calm") == 3
    assert capsys.readouterr().err.count("absent: The files of this model are not here.") == 1


@pytest.mark.parametrize(
    ("content", "arguments", "says"),
    [
        ("질문\n가?\n", ["--column", "물음"], "no column '물음'; the columns are '질문'"),
        ("", [], "is empty"),
        ("질문\n가?\n", ["--temperature", "-1"], "temperature must lie"),
        ("질문\n가?\n", ["--models", "calm,calm"], "'calm' was picked twice."),
        ("질문\n가?\n", ["--out", "."], "'' cannot be written"),
        ("질문\n가?\n", ["--out", "/dev/full"], "'full' cannot be written: it is not a regular file."),
        ("질문\n가?\n", ["--out", "없음/o.csv"], "The folder of 'o.csv' does not exist. Make it first."),
    ],
)
def test_bad_arguments_are_one_line_and_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, arguments: list[str], says: str
) -> None:
    questions, out = tmp_path / "q.csv", tmp_path / "out.csv"
    questions.write_text(content, encoding="utf-8")
    everything = ["batch", str(questions), "--models", "calm", "--out", str(out), *arguments]
    assert main(everything, wiring=scripted_wiring) == 2
    err = capsys.readouterr().err
    assert says in err and err.count("\n") == 1
    assert not out.exists(), "no file is made for what cannot be asked"


def test_other_settings_are_refused_and_the_file_is_left_alone(
    questions: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(questions, out) == 0
    before = out.read_bytes()
    capsys.readouterr()
    assert run(questions, out, "--temperature", "0.9") == 2
    err = capsys.readouterr().err
    assert "temperature was 0.7, now 0.9" in err and "name another file" in err
    assert out.read_bytes() == before


def test_cp949_is_recognized_and_said(tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    questions = tmp_path / "엑셀.csv"
    questions.write_bytes("질문,맥락\n한글은 누가 만들었나?,세종\n".encode("cp949"))
    assert run(questions, out, models="calm") == 0
    assert "엑셀.csv is not UTF-8; it was read as CP949" in capsys.readouterr().err
    (row,) = read_answers(out)
    assert (row.question, row.input) == ("한글은 누가 만들었나?", "세종")


def killed_after(reports: int, start_command: StartCommand, program: Path, questions: Path, out: Path) -> int:
    """Start a batch, kill -9 once so many answers are reported; how many were."""
    process = start_command(questions, out, "--no-history", program=program)
    assert process.stderr is not None
    reported = 0
    while reported < reports:
        reported = int(re.match(r"(\d+) of", process.stderr.readline()).group(1))  # type: ignore[union-attr]
    process.kill()
    rest = re.findall(r"^(\d+) of", process.stderr.read(), re.MULTILINE)
    process.wait()
    return int(rest[-1]) if rest else reported


TELLS_EVERY_ANSWER = """
import sys
from comparison.terminal import batch as command
from comparison.terminal.cli import main
from comparison.terminal.progress import PlainLines
sys.path.insert(0, {folder!r})
from tests.comparison.scripted_command import scripted_wiring
command.lines_for = lambda view: PlainLines(view, seconds_between=0)
command.TICK = 0.001
arguments = ["batch", sys.argv[1], "--models", "calm,steady", "--out", sys.argv[2], *sys.argv[3:]]
sys.exit(main(arguments, wiring=scripted_wiring))
"""


def test_kill_9_loses_nothing_that_was_reported(
    questions: Path, out: Path, tmp_path: Path, start_command: StartCommand
) -> None:
    """After k of 12 answers, for every k; each time the same file goes on, and it ends whole."""
    program = tmp_path / "program.py"
    program.write_text(TELLS_EVERY_ANSWER.format(folder=str(Path(__file__).parent)), encoding="utf-8")
    for k in range(13):
        out.unlink(missing_ok=True)
        reported = killed_after(k, start_command, program, questions, out)
        kept = len(read_answers(out)) if out.exists() and out.stat().st_size >= len(HEADER) else 0
        assert kept >= reported >= k
        assert run(questions, out, "--no-history") == 0
        assert len(read_answers(out)) == len(set(asked(out))) == 12


def test_ctrl_c_keeps_all_that_was_answered(
    questions: Path, out: Path, start_command: StartCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--models", "steady,endless", "--out", out, "--max-new-tokens", 10_000]
    process = start_command("batch", questions, *arguments)
    until = time.monotonic() + 10
    while time.monotonic() < until and not (out.exists() and out.read_bytes().count(b'"steady"') == 6):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "the same command again goes on" in err and "Traceback" not in err
    assert sorted(asked(out)) == [(str(at), "steady") for at in range(1, 7)]
    assert run(questions, out, "--max-new-tokens", "10000", models="steady") == 0
    assert len(read_answers(out)) == 6


@pytest.mark.parametrize("kind", [EngineDown, LoadError])
def test_a_failure_of_the_process_is_asked_again(
    questions: Path, out: Path, capsys: pytest.CaptureFixture[str], kind: type[NaraniError]
) -> None:
    """It is no row; an earlier version wrote some."""
    down = kind(AS_WRITTEN, sentence="The engine could not be started (MemoryError).")
    scripts = {**SCRIPTS, "calm": Script(loading_failure=down)}
    arguments = ["batch", str(questions), "--models", "calm", "--out", str(out)]
    assert main(arguments, wiring=lambda: scripted_wiring(scripts)) == 3
    assert len(read_answers(out)) == (0 if kind is EngineDown else 6)
    assert "The engine could not be started (MemoryError)." in capsys.readouterr().err
    assert run(questions, out, models="calm") == 0
    assert [row.failed for row in read_answers(out)] == [False] * 6


def test_a_second_batch_on_the_same_file_is_refused(
    questions: Path, out: Path, start_command: StartCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    process = start_command(
        "batch", questions, "--models", "endless", "--out", out, "--max-new-tokens", 10_000
    )
    until = time.monotonic() + 10
    while time.monotonic() < until and not (out.exists() and out.stat().st_size):
        time.sleep(0.02)
    assert run(questions, out) == 2
    assert "is being written by another batch" in capsys.readouterr().err
    process.kill()
    process.wait()
    assert run(questions, out) == 0, "the lock died with the process"


def test_a_full_disk_keeps_what_fits_and_goes_on_later(
    questions: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(HEADER) + 2500, hard))
    try:
        assert run(questions, out) == 3
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    err = capsys.readouterr().err
    assert "out.csv could not be written: File too large. Make room" in err
    assert err.rstrip().endswith("Then run the same command again.")
    kept = len(read_answers(out))
    assert 0 < kept < 12
    assert run(questions, out) == 0
    assert len(read_answers(out)) == 12
    assert f"out.csv holds {kept} of these answers already." in capsys.readouterr().err
