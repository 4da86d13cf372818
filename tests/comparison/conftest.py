"""Fixtures of the comparison's tests: the command line in this process or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.comparison.scripted_command import StartCommand

ROOT = Path(__file__).parents[2]
COMMAND = Path(__file__).with_name("scripted_command.py")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody's own history is written to."""
    monkeypatch.setenv("NARANI_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def start_command() -> Iterator[StartCommand]:
    """Start the scripted command line in a process of its own, gone when the test ends."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object, program: Path = COMMAND) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(program), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
