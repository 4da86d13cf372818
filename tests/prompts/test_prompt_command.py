"""Holds that `python -m prompts` prints exactly the prompt's bytes, and one line when it cannot.

Run: python -m pytest tests/prompts/test_prompt_command.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from prompts.catalog import load_formats
from prompts.cli import main
from tests.prompts.hostile_texts import INPUT, QUESTION
from tests.prompts.small_tokenizers import small

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
MODEL = """
[[model]]
id = "own-{format}"
title = "Own"
source = "./folder"
family = "own"
architecture = "llama"
parameters = 1
context_length = 2048
license = {{ name = "none", commercial = "unclear" }}
prompt_format = "{format}"
"""


def prompts(*arguments: str | bytes, home: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, **({"NARANI_HOME": str(home)} if home else {}), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "prompts", *arguments]
    return subprocess.run(command, capture_output=True, cwd=ROOT, env=environment, timeout=60)


@pytest.mark.parametrize("format_id", ["koalpaca", "korani-search", "llmlab", "plain"])
def test_render_prints_the_golden_bytes_and_nothing_else(format_id: str) -> None:
    done = prompts("render", "--format", format_id, "--question", QUESTION, "--input", INPUT)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == (GOLDEN / f"{format_id}.input.txt").read_bytes()


def test_bytes_that_are_no_text_come_back_as_they_were() -> None:
    done = prompts("render", "--format", "plain", "--question", b"\xff\xfe \xea\xb0")
    assert done.stdout == b"\xff\xfe \xea\xb0"


def test_json_holds_pieces_stop_strings_and_format() -> None:
    done = prompts("render", "--format", "koalpaca", "--question", "수도는?", "--json")
    said = json.loads(done.stdout)
    assert said["format"] == "koalpaca" and said["answer_lead"] == " " and said["add_bos"] is True
    assert said["pieces"][1] == {"text": "수도는?", "is_user": True}
    assert said["stop_strings"] == list(load_formats().get("koalpaca").stop_strings)


def test_list_names_every_format() -> None:
    lines = prompts("list").stdout.decode().splitlines()
    assert [line.split()[0] for line in lines] == sorted(load_formats().by_id)


def test_a_models_own_format_and_tokenizer_are_used(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    text = MODEL.format(format="kullm") + MODEL.format(format="chat")
    (tmp_path / "models" / "own.toml").write_text(text, encoding="utf-8")
    done = prompts("render", "--model", "own-kullm", "--question", QUESTION, home=tmp_path)
    assert done.stdout == (GOLDEN / "kullm.question.txt").read_bytes()
    small("chatml").save_pretrained(tmp_path / "models" / "folder")
    done = prompts("render", "--model", "own-chat", "--question", QUESTION, home=tmp_path)
    assert done.stdout == (GOLDEN / "chat-chatml.question.txt").read_bytes()


def test_a_tokenizer_that_is_not_there_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "own.toml").write_text(MODEL.format(format="chat"), encoding="utf-8")
    monkeypatch.setenv("NARANI_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["prompts", "render", "--model", "own-chat", "--question", "a"])
    assert main() == 2
    said = capsys.readouterr()
    assert "is not on this disk" in said.err and said.err.count("\n") == 1
    assert str(tmp_path) not in said.err and said.out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["render", "--format", "kulm", "--question", "a"], "Did you mean kullm"),
        (["render", "--model", "no-such-model", "--question", "a"], "no model named"),
        (["render", "--format", "chat", "--question", "a"], "needs the model's tokenizer"),
        (["render", "--format", "kullm"], "--question"),
        (["render", "--question", "a"], "--model --format"),
        (["render", "--format", "kullm", "--model", "x", "--question", "a"], "not allowed with"),
        (["rendr"], "invalid choice"),
        ([], "command"),
    ],
)
def test_bad_arguments_exit_2_with_one_line(arguments: list[str], said: str) -> None:
    done = prompts(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in done.stderr.decode() and done.stderr.count(b"\n") == 1


def test_asking_for_a_prompt_imports_no_heavy_library() -> None:
    code = (
        "import sys, prompts.cli, prompts.catalog, prompts.checking, prompts.encoding;"
        "print(sorted({'torch', 'transformers', 'streamlit', 'jinja2'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, timeout=60)
    assert done.stdout == b"[]\n", done.stderr
