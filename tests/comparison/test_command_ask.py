"""`ask`: columns, JSON, exit codes, Ctrl-C, a lean start. Run: python -m pytest tests/comparison"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from comparison.terminal.cli import main
from errors import BadRequest
from history.history import History
from history.records import THIS_MACHINE
from tests.comparison.batch_house import until
from tests.comparison.scripted_command import StartCommand, locked, scripted_wiring, states_on_disk

KEYS = [
    "model", "text", "finish_reason", "error", "error_code", "error_facts", "prompt", "tokens_in",
    "tokens_out", "load_seconds", "seconds_to_first_text", "answering_seconds", "tokens_per_second",
    "characters_per_second", "peak_bytes", "step", "step_bytes", "waiting_seconds",
    "own_seconds_to_first_text", "format", "revision", "quantization", "settings",
]  # fmt: skip


def run(*arguments: str) -> int:
    return main(["ask", *arguments], wiring=scripted_wiring)


def test_json_is_all_that_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("왜?", "--models", "other,calm", "--input", "글", "--json") == 0
    printed = capsys.readouterr()
    everything = json.loads(printed.out)
    assert printed.err == ""
    assert list(everything) == ["question", "answers"] and everything["question"] == "왜?"
    assert [answer["model"] for answer in everything["answers"]] == ["other", "calm"]
    for answer in everything["answers"]:
        assert list(answer) == KEYS
        assert (answer["finish_reason"], answer["error"], answer["prompt"]) == ("eos", None, "왜? 글")


def test_the_persons_settings_count_before_the_models_and_those_before_ours(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("왜?", "--models", "calm,other", "--temperature", "0.2", "--seed", "7", "--json") == 0
    calm, other = (answer["settings"] for answer in json.loads(capsys.readouterr().out)["answers"])
    assert (calm["temperature"], calm["seed"], calm["max_new_tokens"]) == (0.2, 7, 99)
    assert (other["temperature"], other["seed"], other["max_new_tokens"]) == (0.2, 7, 512)
    assert run("왜?", "--models", "calm,other", "--json") == 0
    calm, other = (answer["settings"] for answer in json.loads(capsys.readouterr().out)["answers"])
    assert (calm["temperature"], other["temperature"]) == (0.7, 0.0)


def test_format_quantization_and_system_reach_the_engine(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--format", "kullm", "--quantization", "int8", "--system", "말", "--reproducible", "--json"]
    assert run("왜?", "--models", "other", *arguments) == 0
    (answer,) = json.loads(capsys.readouterr().out)["answers"]
    assert (answer["format"], answer["quantization"]) == ("kullm", "int8")


def test_answers_are_scored_on_wish(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("왜?", "--models", "steady", "--score-with", "judge", "--json") == 0
    (answer,) = json.loads(capsys.readouterr().out)["answers"]
    assert answer["reward"] == {"judge": 5.0}
    assert run("왜?", "--models", "steady", "--score-with", "judge") == 0
    assert "· judge: 5.00" in capsys.readouterr().out


def test_when_some_fail_the_others_are_printed_and_the_code_is_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("왜?", "--models", "absent,steady,breaks") == 3
    printed = capsys.readouterr()
    assert "한 번 더" in printed.out
    assert "The files of this model are not here." in printed.out
    assert "ran out of memory" in printed.out
    assert (printed.err, "Traceback" in printed.out) == ("", False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["왜?", "--models", "clam"], "There is no model named 'clam'. Did you mean calm?"),
        (["왜?", "--models", " , "], "No model is named."),
        (["왜?", "--models", "calm,calm"], "'calm' was picked twice."),
        (["왜?", "--models", "calm,judge"], "Score one with `python -m finetune score --model judge`"),
        (
            ["왜?", "--models", "calm", "--score-with", "other"],
            "other is no reward model",
        ),
        (["왜?", "--models", "calm", "--score-with", "jugde"], "Did you mean judge?"),
        ([" ", "--models", "calm"], "The question is empty."),
        (["왜?", "--models", "calm", "--temperature", "9"], "temperature must lie between 0 and 5"),
        (["왜?", "--models", "calm", "--top-p", "0"], "top_p must be above 0"),
        (["왜?", "--models", "calm", "--max-new-tokens", "0"], "max_new_tokens must lie between 1"),
        (["왜?", "--models", "calm", "--seed=-1"], "seed must lie between 0"),
        (
            ["왜?", "--models", "calm", "--quantization", "nf4"],
            "'calm' cannot be loaded as 'nf4', only as none",
        ),
        (
            ["왜?", "--models", "other", "--format", "kulm"],
            "no prompt format named 'kulm'. Did you mean kullm?",
        ),
    ],
)
def test_bad_arguments_are_one_line_and_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert run(*arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    assert says in printed.err


def test_no_engine_is_built_for_bad_arguments() -> None:
    def wiring() -> object:
        from dataclasses import replace

        return replace(scripted_wiring(), build_engine=lambda: pytest.fail("built"))

    assert main(["ask", "", "--models", "calm"], wiring=wiring) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "arguments", [["ask"], ["ask", "왜?"], ["ask", "왜?", "--models", "calm", "--top-q", "1"]]
)
def test_what_cannot_be_parsed_is_code_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments, wiring=scripted_wiring)
    assert stopped.value.code == 2


ENDLESS = ("ask", "왜?", "--models", "endless,calm", "--max-new-tokens", 10_000, "--json")


def test_ctrl_c_stops_every_column_and_prints_and_keeps_what_came(
    home: Path, start_command: StartCommand
) -> None:
    process = start_command(*ENDLESS)
    until(lambda: states_on_disk(home) == ["running", "done"])
    time.sleep(0.2)  # for some text
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    endless, calm = json.loads(out)["answers"]
    assert (endless["finish_reason"], calm["finish_reason"]) == ("stopped", "eos")
    assert endless["text"].startswith("가가") and "Traceback" not in err
    assert kept(home) == [("왜?", ["stopped", "done"])]


def test_kill_9_loses_no_answer_that_had_ended(home: Path, start_command: StartCommand) -> None:
    """The history shows it as a page's: running as long as it lives, then interrupted."""
    process = start_command(*ENDLESS)
    until(lambda: states_on_disk(home) == ["running", "done"])
    assert kept(home) == [("왜?", ["running", "done"])]
    process.kill()
    process.wait()
    assert kept(home) == [("왜?", ["interrupted", "done"])]


def test_a_hostile_answer_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("\x1b[2J\x9b31m\u202e왜?", "--models", "calm") == 0
    assert not set(capsys.readouterr().out) & {"\x1b", "\x9b", "\u202e"}


def test_a_question_in_single_jamo_is_asked_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    question = unicodedata.normalize("NFD", "한글은 누가 만들었나?")
    assert run(question, "--models", "calm", "--json") == 0
    everything = json.loads(capsys.readouterr().out)
    assert everything["question"] == everything["answers"][0]["prompt"] == question


def test_it_starts_without_what_it_does_not_need() -> None:
    program = (
        "import sys\n"
        "from comparison.terminal.cli import main\n"
        "sys.argv = ['x', 'ask', '', '--models', 'x']\n"
        "assert main() == 2\n"
        "heavy = {'torch', 'transformers', 'streamlit', 'pandas', 'engines.local', 'rich.live'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=False, timeout=60
    )
    assert (done.returncode, done.stderr.count("\n")) == (0, 1), done.stderr


def kept(home: Path) -> list[tuple[str, list[str]]]:
    """Questions and states of answers of this machine, the newest first."""
    with closing(History(home)) as history:
        return [
            (run.head.requests[0].conversation.turns[0].question, [str(each.state) for each in run.answers])
            for run in history.page(THIS_MACHINE).runs
        ]


def test_what_is_asked_stands_in_the_history_of_this_machine(home: Path) -> None:
    assert run("왜?", "--models", "calm,breaks", "--json") == 3
    assert run("누가?", "--models", "calm") == 0
    assert run("몰래?", "--models", "calm", "--no-history") == 0
    assert kept(home) == [("누가?", ["done"]), ("왜?", ["done", "failed"])]


@contextmanager
def a_file(home: Path) -> Iterator[None]:
    home.write_text("nothing of ours")
    yield


@contextmanager
def newer(home: Path) -> Iterator[None]:
    History(home).close()
    with closing(sqlite3.connect(home / "narani.db", isolation_level=None)) as connection:
        connection.execute("UPDATE narani_version SET version = 999")
    yield


@pytest.mark.parametrize("broken", [locked, a_file, newer])
def test_a_history_out_of_reach_costs_one_line_and_no_answer(
    broken: Callable[[Path], AbstractContextManager[None]], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with broken(home):
        assert run("왜?", "--models", "calm,other") == 0
    said = capsys.readouterr()
    assert said.out.count("왜?") == 2
    assert said.err.startswith("Not kept in the history: ") and said.err.count("\n") == 1
    assert said.err.endswith("Save from here what you want to keep; --no-history leaves the history alone.\n")


@pytest.mark.parametrize("url", ["no-address", "nobody-s-dialect://x", "mssql+nobody://a:secret@b/c"])
def test_an_address_that_is_none_of_a_database_is_one_sentence(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="NARANI_DATABASE") as refused:
        History(tmp_path, url)
    assert "secret" not in str(refused.value)
