"""How every command begins and ends: outputs that fail, words a terminal cannot write, Ctrl-C at any moment.

Run: python -m pytest tests/test_command_line.py
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.comparison.answers_read import read_answers

ROOT = Path(__file__).parents[1]
SCRIPTED = str(ROOT / "tests" / "comparison" / "scripted_command.py")
ASK, BATCH, EXAM = "왜?", "하나?\n둘?\n", '{"question": "하나?", "answer": "1이에요."}\n'
FULL = "The output could not be written: No space left on device.\n"

COMMANDS: dict[str, tuple[str, ...]] = {
    "ask": (SCRIPTED, "ask", ASK, "--models", "calm"),
    "ask as json": (SCRIPTED, "ask", ASK, "--models", "calm", "--json"),
    "batch": (SCRIPTED, "batch", "{folder}/q.txt", "--models", "calm", "--out", "{folder}/out.csv"),
    "formats": (SCRIPTED, "formats", "--questions", "{folder}/exam.jsonl"),
    "formats as json": (SCRIPTED, "formats", "--questions", "{folder}/exam.jsonl", "--json"),
    "models": ("-m", "model_registry", "list"),
    "models as json": ("-m", "model_registry", "list", "--json"),
    "one model": ("-m", "model_registry", "show", "demo-chat"),
    "formats there are": ("-m", "prompts", "list"),
    "a prompt": ("-m", "prompts", "render", "--format", "kullm", "--question", ASK),
    "recipes": ("-m", "finetune", "recipes"),
    "runs": ("-m", "finetune", "runs"),
    "help": ("-m", "finetune", "sft", "--help"),
}
SILENT = {"batch"}
"""What these print is a file."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("commands")
    (made / "q.txt").write_text(BATCH, encoding="utf-8")
    (made / "exam.jsonl").write_text(EXAM, encoding="utf-8")
    return made


def begun(name: str, folder: Path, **how: object) -> subprocess.Popen[bytes]:
    (folder / "out.csv").unlink(missing_ok=True)
    environment = {**os.environ, "NARANI_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
    environment |= how.pop("environment", {})  # type: ignore[call-overload]
    command = [sys.executable, *(word.format(folder=folder) for word in COMMANDS[name])]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, **how)  # type: ignore[call-overload]


def said(process: subprocess.Popen[bytes]) -> str:
    _, err = process.communicate(timeout=60)
    words = err.decode("utf-8")
    assert "Traceback" not in words and "Error" not in words, words
    return words


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_is_one_sentence_and_code_2(name: str, folder: Path) -> None:
    """With nothing to read from, in a locale without a letter of Korean."""
    with open("/dev/full", "wb") as full:
        process = begun(
            name, folder, stdout=full, environment={"PYTHONIOENCODING": "ascii"}, preexec_fn=closing(0)
        )
    words = said(process)
    assert process.returncode == (0 if name in SILENT else 2)
    assert words.endswith(FULL) or name in SILENT
    assert words.count(FULL) == (name not in SILENT)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_reader_that_has_gone_is_no_fault(name: str, folder: Path) -> None:
    """In the locale of an older Korean Windows."""
    reading, writing = os.pipe()
    os.close(reading)
    process = begun(name, folder, stdout=writing, environment={"PYTHONIOENCODING": "cp949"})
    os.close(writing)
    assert "could not be written" not in said(process)
    assert process.returncode == 0


def closing(*numbers: int) -> Callable[[], None]:
    def close() -> None:
        for number in numbers:
            os.close(number)

    return close


@pytest.mark.parametrize("name", COMMANDS)
def test_streams_that_are_closed_are_no_fault(name: str, folder: Path) -> None:
    process = begun(name, folder, preexec_fn=closing(0, 1))
    said(process)
    assert process.returncode == 0


def test_no_file_takes_the_place_of_a_closed_stream(folder: Path) -> None:
    """What is printed would get into it."""
    process = begun("batch", folder, preexec_fn=closing(0, 1, 2))
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert [row.question for row in read_answers(folder / "out.csv")] == BATCH.split()
    assert b"answered" not in (folder / "out.csv").read_bytes()


@pytest.mark.parametrize("encoding", ["ascii", "cp949"])
def test_what_is_printed_is_utf_8_in_every_locale(encoding: str, folder: Path) -> None:
    process = begun("ask", folder, stdout=subprocess.PIPE, environment={"PYTHONIOENCODING": encoding})
    out, _ = process.communicate(timeout=60)
    assert ASK in out.decode("utf-8")


def interrupted_at(module: str, arguments: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Ctrl-C once this module is imported: the code, and what was said beside the list of imports."""
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
        # Whoever runs the tests in the background has it ignored, and so would this process.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    words = []
    with process:
        assert process.stderr is not None
        for line in process.stderr:
            if not line.startswith("import time:"):
                words.append(line)
            elif line.split("|")[-1].strip() == module:
                process.send_signal(signal.SIGINT)
    return process.returncode, "".join(words)


@pytest.mark.parametrize(
    ("room", "module"),
    [
        ("comparison", "errors"),
        ("comparison", "tyro"),
        ("finetune", "tyro"),
        ("model_registry", "pydantic"),
        ("prompts", "argparse"),
        ("benchmarks", "torch.nn"),
    ],
)
def test_ctrl_c_while_a_command_is_imported_ends_it_without_a_word(room: str, module: str) -> None:
    assert interrupted_at(module, ["-m", room, "--help"], {}) == (130, "")


PROGRAM = """
import os, signal, sys
from command_line import run, unwinding

def main():
    {work}

run(main)
"""
PUTS_IN_ORDER = """with unwinding():
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            print("in order")"""


@pytest.mark.parametrize(
    ("work", "ending"),
    [
        (PUTS_IN_ORDER, (130, "in order\n", "")),
        (PUTS_IN_ORDER.replace("print", "os.kill(os.getpid(), signal.SIGINT); print"), (130, "", "")),
        (
            "import no_such_library",
            (
                2,
                "",
                "A library is missing or broken (no_such_library). Install what requirements.txt names, "
                "then start Narani again.\n",
            ),
        ),
        ("sys.exit('so not')", (1, "", "so not\n")),
        ("sys.exit()", (0, "", "")),
        ("print('가\\ud800'); return 3", (3, "가?\n", "")),
    ],
)
def test_how_a_command_ends(work: str, ending: tuple[int, str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(work=work)], cwd=ROOT, capture_output=True, encoding="utf-8"
    )
    assert (done.returncode, done.stdout, done.stderr) == ending


def test_ctrl_c_in_the_imports_of_a_batch_leaves_no_failed_answer(tmp_path: Path) -> None:
    """numpy is imported by C++ code of torch that goes on without it: whoever relies on an exception there
    asks everything of half a library. The last of these modules is imported once questions are out."""
    questions, out = tmp_path / "q.txt", tmp_path / "out.csv"
    questions.write_text("\n".join(f"질문 {at}번은?" for at in range(6)), encoding="utf-8")
    batch = ["-m", "comparison", "batch", str(questions), "--models", "demo-chat", "--out", str(out)]
    environment = {"NARANI_HOME": str(tmp_path / "home"), "NARANI_DEVICE": "cpu"}
    for module in ("numpy._core.umath", "numpy.lib._datasource", "transformers.utils", "torch._dynamo"):
        code, words = interrupted_at(module, batch, environment)
        assert (code, "Traceback" in words) == (130, False), (module, words)
        assert not read_answers(out), module
    again = subprocess.run(
        [sys.executable, *batch], cwd=ROOT, env={**os.environ, **environment}, stderr=subprocess.DEVNULL
    )
    assert again.returncode == 0
    assert [row.finish_reason != "failed" for row in read_answers(out)] == [True] * 6
