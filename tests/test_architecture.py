"""The arrows between the rooms and the limits of the house, held by reading the source.

Run: python -m pytest tests/test_architecture.py
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = (
    "dashboard",
    "comparison",
    "engines",
    "model_registry",
    "prompts",
    "finetune",
    "search",
    "judging",
    "history",
    "errors",
)
HEAVY = {"torch", "transformers", "peft", "bitsandbytes", "accelerate", "trl"}
AROUND = {"tests", "benchmarks", "scripts"}
"""What stands around the product, and may import it; never the other way round."""
EVERYONE = {
    "errors",
    "file_lock",
    "old_keys",
    "settings",
    "text_files",
    "text_rows",
    "versions",
    "whole_files",
}
COMMANDS = (
    "__main__.py",
    "cli*.py",
    "comparison/terminal/*.py",
    "finetune/process.py",
)
"""The files at the edge: they may know how a process begins and ends, and only they import each other."""

MAY_IMPORT: dict[str, set[str]] = {
    "dashboard": {
        "comparison",
        "history",
        "search",
        "judging",
        "finetune.jobs",
        "engines.base",
        "engines.memory",
        "model_registry",
        "prompts",
    },
    "comparison": {"history", "engines.base", "model_registry", "prompts"},
    "history": {"engines.base", "model_registry", "prompts"},
    "search": {"comparison", "history", "engines.base", "model_registry", "prompts"},
    "judging": {"engines.base", "prompts"},
    "engines": {"model_registry", "prompts"},
    "model_registry": {"prompts"},
    "prompts": set(),
    "errors": set(),
    "finetune": {
        "engines.loading",
        "engines.devices",
        "engines.shortage",
        "engines.stepping",
        "engines.batch_stepping",
        "engines.row_stepping",
        "engines.slot_cache",
        "engines.families",
        "judging.measures",
        "model_registry",
        "prompts",
    },
}
"""Beyond itself and what everyone may use. A name stands for itself and all below it."""

WIRING: dict[str, set[str]] = {
    "dashboard/resources.py": {"engines.build"},
    "comparison/terminal/wiring.py": {"engines.build"},
    "prompts/cli.py": {"model_registry"},
    "finetune/cli_pairs.py": {"comparison", "history"},
}
"""The few files that choose a concrete engine, or look up a model for a command line."""

NEVER: dict[str, set[str]] = {
    "dashboard": HEAVY | {"sqlalchemy"},
    "comparison": HEAVY | {"streamlit"},
    "history": HEAVY | {"streamlit"},
    "search": HEAVY | {"streamlit", "sqlalchemy"},
    "judging": {"torch", "streamlit"},
    "engines": {"streamlit", "finetune"},
    "model_registry": {"torch", "streamlit"},
    "prompts": {"torch", "streamlit"},
    "errors": HEAVY | {"streamlit"},
    "finetune": {"streamlit"},
}
LONGEST_FILE, LONGEST_FUNCTION, LONGEST_ENTRY = 300, 40, 40


def sources() -> list[Path]:
    """Every Python file that is ours."""
    kept = ("*.py", *(f"{room}/**/*.py" for room in (*ROOMS, "tests", "benchmarks", "scripts")))
    return sorted({path for pattern in kept for path in ROOT.glob(pattern)})


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(module: str, allowed: set[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in allowed)


def is_command(module: str) -> bool:
    """Whether what is imported is a command line, or a name of one."""
    files = accumulate(module.split("."), lambda folder, name: f"{folder}/{name}")
    return within(module, {"command_line"}) or any(
        Path(f"{file}.py").match(name) for file in files for name in COMMANDS
    )


def wrong_imports(path: Path, tree: ast.AST) -> list[str]:
    room = name_of(path).split("/")[0]
    if room not in MAY_IMPORT:
        return [module for module in imported(tree) if room not in AROUND and within(module, AROUND)]
    allowed = MAY_IMPORT[room] | WIRING.get(name_of(path), set()) | {room} | EVERYONE
    ours = set(ROOMS) | AROUND
    return [
        module
        for module in imported(tree)
        if (module.split(".")[0] in ours and not within(module, allowed))
        or within(module, NEVER[room])
        or (is_command(module) and not any(path.match(name) for name in COMMANDS))
    ]


PATHS = [pytest.param(path, id=name_of(path)) for path in sources()]


@pytest.fixture
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", PATHS)
def test_a_file_keeps_to_the_limits_of_the_house(path: Path, tree: ast.Module) -> None:
    faults = list(faults_of(path, tree))
    assert not faults, "\n".join(faults)


def faults_of(path: Path, tree: ast.Module) -> Iterator[str]:
    lines = path.read_text(encoding="utf-8").count("\n")
    if lines > LONGEST_FILE:
        yield f"{lines} lines; split it by what it knows"
    if ast.get_docstring(tree) is None:
        yield "no docstring that says what it is for"
    yield from (f"imports {module}" for module in wrong_imports(path, tree))
    for node in ast.walk(tree):
        yield from node_faults(path, node)


def node_faults(path: Path, node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > LONGEST_FUNCTION:
            yield f"{node.name} has {length} lines"
        yield from untyped(node)
    elif isinstance(node, ast.Global):
        yield f"global {', '.join(node.names)}"
    elif isinstance(node, ast.ExceptHandler) and node.type is None:
        yield f"line {node.lineno}: a bare except swallows what streamlit and Python use to stop a script"
    elif isinstance(node, ast.Call):
        yield from call_faults(path, node)


def untyped(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    for argument in arguments:
        if argument.annotation is None and argument.arg not in ("self", "cls"):
            yield f"{function.name}: {argument.arg} has no type"


def call_faults(path: Path, call: ast.Call) -> Iterator[str]:
    if any(keyword.arg == "shell" for keyword in call.keywords):
        yield f"line {call.lineno}: a shell"
    name = getattr(call.func, "id", "")
    may_print = path.name == "cli.py" or name_of(path).split("/")[0] in ("scripts", "tests")
    if name == "print" and not may_print:
        yield f"line {call.lineno}: print"


def test_the_entry_file_is_only_a_menu() -> None:
    assert (ROOT / "comparison_app.py").read_text(encoding="utf-8").count("\n") < LONGEST_ENTRY


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        ("model_registry.registry, prompts.rendering, comparison.run", HEAVY | {"streamlit"}),
        ("engines.base, engines.memory, engines.lazy", HEAVY | {"streamlit"}),
        ("comparison.terminal.cli", HEAVY | {"streamlit", "pandas", "sqlalchemy"}),
        ("engines.local", {"streamlit", "pandas"}),
        ("search.providers.catalog", {"httpx", "ddgs", "kiwipiepy", "sqlalchemy"}),
    ],
)
def test_what_is_imported_brings_no_more_than_it_needs(modules: str, absent: set[str]) -> None:
    code = f"import {modules}, sys; print(*sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert not {module for module in output.split() if module in absent}


def words_of(language: str) -> dict[str, dict[str, str]]:
    files = (ROOT / "dashboard/texts" / language).glob("*.toml")
    return {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in files}


def keys_of(language: str) -> set[tuple[str, str]]:
    return {(section, key) for section, words in words_of(language).items() for key in words}


def test_both_languages_have_the_same_words() -> None:
    assert keys_of("en") == keys_of("ko")


def test_english_is_right_where_there_is_one() -> None:
    """A number stands behind what it counts, "answers: 1": before it, "1 answers" would be read."""
    counted = re.compile(
        r"\{(count|tokens|steps|epochs|warmup|dropped|cells|names|questions|models|answers)(:[^}]*)?\}\**"
        r" ([a-z-]+ )?[a-z]+s\b"
    )
    many = {"answer_text.whole", "models.found", "models.cut"}
    many |= {"training.trainable", "training.steps_blocks", "training.waits_for"}
    for section, words in words_of("en").items():
        for key, sentence in words.items():
            assert f"{section}.{key}" in many or not counted.search(sentence), f"{section}.{key}: {sentence}"


def test_every_word_that_is_asked_for_exists() -> None:
    """`texts.section["key"]`, however the texts are called there."""
    known = keys_of("ko")
    sections = {section for section, _ in known}
    for path in ROOT.glob("dashboard/**/*.py"):
        for section, key in re.findall(r"\.(\w+)\[\"(\w+)\"\]", path.read_text(encoding="utf-8")):
            assert section not in sections or (section, key) in known, f"{name_of(path)}: {section}.{key}"


def test_every_requirement_is_pinned_and_has_its_reason() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith(("#", "-r ")):
                assert "==" in line and "#" in line, line


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("import torch", "imports torch"),
        ("from command_line import run", "imports command_line"),
        ("from comparison.terminal.cli import main", "imports comparison.terminal.cli.main"),
        ("from engines.pool import ModelPool", "imports engines.pool.ModelPool"),
        ("from tests.engines.scripted_engine import Script", "imports tests.engines"),
        ("def f(a): ...", "a has no type"),
        ("try: ...\nexcept: ...", "bare except"),
        ("print(1)", "print"),
        ("import subprocess\nsubprocess.run('ls', shell=True)", "a shell"),
        ("def f() -> None:\n" + "    x = 1\n" * 41, "has 42 lines"),
    ],
)
def test_the_checks_themselves_can_fail(source: str, fault: str) -> None:
    faults = list(faults_of_source(source))
    assert any(fault in found for found in faults), faults


def faults_of_source(source: str) -> Iterator[str]:
    path, tree = ROOT / "comparison" / "example.py", ast.parse(source)
    yield from (f"imports {module}" for module in wrong_imports(path, tree))
    for node in ast.walk(tree):
        yield from node_faults(path, node)
