"""One name for one thing, spelled as every library here spells it; no small file without a reason.

Run: python -m pytest tests/test_names_and_sizes.py
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.test_architecture import AROUND, ROOMS, ROOT, imported, name_of, sources

SMALL = 60
REASON = re.compile(r"\b(because|so that|alone|apart)\b")
"""By one of these words the first line of a docstring tells why a small file stands by itself."""
BRITISH = re.compile(
    r"licence|quantis|optimis|colour|catalogue|neighbour|behaviour|favour|centre(?!d)|grey"
    r"|(?<!wi)(?:normal|serial|recogn|summar|synchron|organ|penal|initial|token|real|minim|maxim|special)is(?:e|ing|ation)"
)
READS_OLD_KEYS = {"old_keys.py", "history/schema.py"}
"""What was written before is read there, and nowhere else, under the keys that it was written with."""

ITS_PACKAGE = {"yaml": "pyyaml", "markdown_it": "markdown_it_py"}

Trees = Mapping[str, ast.Module]


def parsed(rooms: tuple[str, ...]) -> dict[str, ast.Module]:
    """Every file at the top and in these rooms, by its path."""
    return {
        name_of(path): ast.parse(path.read_text(encoding="utf-8"))
        for path in sources()
        if "/" not in name_of(path) or name_of(path).split("/")[0] in rooms
    }


@pytest.fixture(scope="module")
def product() -> dict[str, ast.Module]:
    return parsed(ROOMS)


def defined(tree: ast.Module) -> Iterator[str]:
    """The classes, type aliases and type variables of a file."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name.lstrip("_")[:1].isupper() and not name.isupper():
                yield name


def defined_twice(trees: Trees) -> dict[str, list[str]]:
    places = defaultdict(list)
    for path, tree in trees.items():
        for name in defined(tree):
            places[name.lstrip("_")].append(path)
    return {name: paths for name, paths in places.items() if len(paths) > 1}


def without_reason(trees: Trees) -> list[str]:
    """Small files with one importer whose first line does not say why they are files of their own."""
    modules = {module_of(path): path for path in trees}
    importers: dict[str, set[str]] = defaultdict(set)
    for path, tree in trees.items():
        for module in imported(tree):
            for name in (module, module.rpartition(".")[0]):
                if name in modules:
                    importers[modules[name]].add(path)
    return [
        path
        for path, tree in trees.items()
        if len(importers[path]) == 1
        and not path.endswith("__init__.py")
        and (tree.body[-1].end_lineno or 0) < SMALL
        and not REASON.search((ast.get_docstring(tree) or "").partition("\n")[0])
    ]


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def identifiers(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        names = (getattr(node, field, None) for field in ("id", "attr", "arg", "name", "asname"))
        yield from (name for name in names if isinstance(name, str))


def test_no_class_or_alias_has_the_name_of_another(product: Trees) -> None:
    assert defined_twice(product) == {}


def test_a_small_file_with_one_importer_says_why_it_stands_alone(product: Trees) -> None:
    assert without_reason(product) == []


def test_what_is_imported_is_required(product: Trees) -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = {line.partition("==")[0].strip("# ").replace("-", "_").lower() for line in lines if "==" in line}
    ours = {module_of(path).partition(".")[0] for path in product}
    used = {module.partition(".")[0] for tree in product.values() for module in imported(tree)}
    theirs = used - ours - sys.stdlib_module_names - {"_typeshed"}
    assert {ITS_PACKAGE.get(name, name) for name in theirs} - listed == set()


def test_identifiers_are_in_american_spelling() -> None:
    british = {
        f"{path}: {name}"
        for path, tree in parsed((*ROOMS, *AROUND)).items()
        if path not in READS_OLD_KEYS
        for name in identifiers(tree)
        if BRITISH.search(name.lower()) and not name.startswith("test_")
    }
    assert british == set()


@pytest.mark.parametrize("pattern", ["**/*.toml", "**/*.yaml"])
def test_keys_are_in_american_spelling(pattern: str) -> None:
    files = [path for room in ROOMS for path in (ROOT / room).glob(pattern)]
    keys = [f"{name_of(path)}: {key}" for path in files for key in keys_of(path)]
    assert not [key for key in keys if BRITISH.search(key)]


def keys_of(path: Path) -> list[str]:
    return re.findall(r"^\s*\[*([\w.-]+)\]*\s*(?:[=:]|$)", path.read_text(encoding="utf-8"), re.MULTILINE)


def test_these_checks_can_fail() -> None:
    long = "x = 1\n" * SMALL
    trees = {
        "history/one.py": ast.parse('"""One."""\nclass Piece: ...\n'),
        "history/two.py": ast.parse('"""Two, alone so that one stays small."""\n_Piece = int | str\n'),
        "history/three.py": ast.parse(f'"""Three."""\nimport history.one, history.two\n{long}'),
    }
    assert defined_twice(trees) == {"Piece": ["history/one.py", "history/two.py"]}
    assert without_reason(trees) == ["history/one.py"]
    seen = {
        name for name in identifiers(ast.parse("def quantise(normalising, wise, tokenizer): advise.colour"))
    }
    assert {name for name in seen if BRITISH.search(name)} == {"quantise", "normalising", "colour"}
