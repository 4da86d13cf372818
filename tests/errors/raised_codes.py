"""Every place in the sources where an error or a cause is made, read without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tests.test_architecture import ROOMS, ROOT

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Made:
    """`code` may end in a star, where the rest is filled in."""

    where: str
    code: str
    facts: frozenset[str]
    more: bool
    """Facts that cannot be read here are given too."""


@cache
def trees() -> tuple[tuple[str, ast.Module], ...]:
    paths = (*ROOT.glob("*.py"), *(path for room in ROOMS for path in (ROOT / room).glob("**/*.py")))
    return tuple(
        (path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))) for path in paths
    )


@cache
def categories() -> dict[str, str]:
    """By class of error; one that names none has that of its parent."""
    parents, named = {}, {"NaraniError": "error"}
    for _, tree in trees():
        for node in (each for each in ast.walk(tree) if isinstance(each, ast.ClassDef)):
            parents[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
            for line in node.body:
                if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "category":
                    named[node.name] = ast.literal_eval(line.value)
    before = 0
    while before != len(named):
        before = len(named)
        for name, bases in parents.items():
            found = next((named[base] for base in bases if base in named), None)
            if found is not None:
                named.setdefault(name, found)
    return named


@cache
def made() -> tuple[Made, ...]:
    return tuple(found for where, tree in trees() for found in _made(where, tree, None, None))


def _made(where: str, node: ast.AST, function: Function | None, of: str | None) -> Iterator[Made]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call) and child.args and _makes(child, of):
            facts = frozenset(keyword.arg for keyword in child.keywords if keyword.arg)
            for code in _codes(child.args[0], function):
                yield Made(f"{where}:{child.lineno}", code, facts, None in [k.arg for k in child.keywords])
        within = child if isinstance(child, Function) else function
        yield from _made(where, child, within, child.name if isinstance(child, ast.ClassDef) else of)


def _makes(call: ast.Call, of: str | None) -> bool:
    name = ast.unparse(call.func)
    known = categories()
    if name == "super().__init__":
        return of in known
    if name == "cls":
        return of in known
    return name in ("Cause", "Note") or (name in known and name not in _with_facts_of_their_own())


@cache
def _with_facts_of_their_own() -> frozenset[str]:
    """Classes of errors whose code is chosen where they are written."""
    return frozenset(
        node.name
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name != "NaraniError"
        if any(isinstance(each, ast.FunctionDef) and each.name == "__init__" for each in node.body)
    )


def _codes(node: ast.expr, function: Function | None) -> Iterator[str]:
    match node:
        case ast.Constant(value=str()):
            yield str(node.value)
        case ast.IfExp():
            yield from _codes(node.body, function)
            yield from _codes(node.orelse, function)
        case ast.JoinedStr(values=[ast.Constant(value=str(begin)), ast.FormattedValue()]):
            yield f"{begin}*"
        case ast.Name() if function is not None:
            yield from _assigned(node.id, function)
        case ast.Subscript(value=ast.Name(id=table)):
            yield from _in_tables().get(table, ())
        case ast.Call(func=ast.Attribute(value=ast.Name(id=table), attr="get"), args=[_, *default]):
            yield from _in_tables().get(table, ())
            for each in default:
                yield from _codes(each, function)


def _assigned(name: str, function: Function) -> Iterator[str]:
    for line in ast.walk(function):
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == name:
            yield from _codes(line.value, function)


@cache
def _in_tables() -> dict[str, list[str]]:
    """The texts in dictionaries of modules, by the name of the dictionary."""
    return {
        ast.unparse(line.targets[0]): [
            str(value.value) for value in line.value.values if isinstance(value, ast.Constant)
        ]
        for _, tree in trees()
        for line in tree.body
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Dict)
    }
