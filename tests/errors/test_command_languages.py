"""What a command line refuses is said in the language of its terminal.

Run: python -m pytest tests/errors/test_command_languages.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from errors.wording import wordings
from settings import terminal_language

ROOT = Path(__file__).parents[2]


def refused(home: Path, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "NARANI_HOME": str(home), **environment},
    )
    assert done.returncode == 2 and not done.stdout, done
    return done.stderr.strip()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("comparison", "ask", "", "--models", "demo-kullm"), "empty-question"),
        (("finetune", "sft", "--data", "x.jsonl"), "base-model-not-named"),
    ],
)
def test_a_command_speaks_the_language_that_is_named(
    tmp_path: Path, command: tuple[str, ...], code: str
) -> None:
    for language in ("ko", "en"):
        assert refused(tmp_path, *command, NARANI_LANGUAGE=language) == wordings(language)[code]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("model_registry", "show", "nobody"), "모델은 없습니다"),
        (("prompts", "render"), "명령줄을 읽을 수 없습니다"),
    ],
)
def test_a_command_speaks_the_language_of_the_terminal(
    tmp_path: Path, command: tuple[str, ...], says: str
) -> None:
    assert says in refused(tmp_path, *command, LC_ALL="ko_KR.UTF-8")


@pytest.mark.parametrize(
    ("language", "environment"),
    [
        ("en", {}),
        ("en", {"LANG": "C"}),
        ("ko", {"LANG": "ko_KR.UTF-8"}),
        ("en", {"LANG": "ko_KR.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}),
        ("ko", {"LANG": "C", "LC_MESSAGES": "C", "LC_ALL": "ko_KR.UTF-8"}),
        ("ko", {"LC_ALL": "C", "NARANI_LANGUAGE": "KO"}),
        ("en", {"LC_ALL": "ko_KR", "NARANI_LANGUAGE": "en"}),
        ("ko", {"LC_ALL": "ko_KR", "NARANI_LANGUAGE": "fr"}),
    ],
)
def test_what_decides_the_language_of_a_terminal(language: str, environment: dict[str, str]) -> None:
    assert terminal_language(environment) == language
