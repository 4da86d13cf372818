"""What becomes of a command whose output goes nowhere. Run: python -m pytest tests/comparison"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = Path(__file__).with_name("scripted_command.py")
EXAM = '{"question": "하나?", "answer": "1이에요."}\n'


def printed_to(stdout: int, *arguments: str) -> tuple[int, str]:
    """The exit code of the scripted command line, and what it says on stderr."""
    done = subprocess.run(
        [sys.executable, str(COMMAND), *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=60,
    )
    return done.returncode, done.stderr


@pytest.fixture(params=["plain", "json", "table", "table as json"])
def arguments(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    exam = tmp_path / "exam.jsonl"
    exam.write_text(EXAM, encoding="utf-8")
    ask, formats = ["ask", "왜?", "--models", "calm"], ["formats", "--questions", str(exam)]
    ways = {"plain": ask, "json": [*ask, "--json"], "table": formats, "table as json": [*formats, "--json"]}
    return ways[request.param]


def test_a_full_disk_is_one_line_and_code_2(arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        code, said = printed_to(full.fileno(), *arguments)
    assert said.removeprefix("1 of 1 answered\n") == (
        "The answers could not be printed: No space left on device.\n"
    )
    assert code == 2


def test_a_reader_that_has_gone_is_no_fault(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        code, said = printed_to(writing, *arguments)
    finally:
        os.close(writing)
    assert (code, said.removeprefix("1 of 1 answered\n")) == (0, "")
