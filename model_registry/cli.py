"""Lists, shows and checks the models that exist.

Run: python -m model_registry list [--json] [--commercial] [--fits 24GB] | show ID [--json] | check [FILE…]
     | read SOURCE [--revision REVISION] [--json] [--toml]
Knows: the arguments and the exit codes (0 fine, 1 a fault, 2 bad arguments).
Refuses to know: what makes an entry good, and how bytes are estimated.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn, TextIO

from rich.console import Console
from rich.text import Text

from command_line import ended
from errors import Cause, wording
from model_registry.faults import EntryFault, printable
from model_registry.memory import fits
from model_registry.own_sources import doubts_of
from model_registry.reading.describing import describe
from model_registry.registry import Registry, load_registry
from model_registry.report import as_json, as_page, as_table
from model_registry.spec import CommercialUse, ModelSpec
from model_registry.writing import entry_toml
from settings import format_bytes, parse_bytes, read_settings, terminal_language

_PIPE_WIDTH = 500
"""Wide enough that nothing is wrapped or cut where no terminal says how wide it is."""
_LOWEST_WIDTH = 120
"""A narrower terminal wraps lines itself, which loses less than columns of one letter."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    return ended(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    own = read_settings().own_models
    if options.command == "list":
        return _list(load_registry(own), options)
    if options.command == "show":
        return _show(load_registry(own), options.model, options.json)
    if options.command == "read":
        return _read(load_registry(own), own, options)
    return _check(own, options.files)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m model_registry", description="The models that exist.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="list | show | check | read")
    listing = commands.add_parser("list", help="every model, with the bytes it needs")
    listing.add_argument("--json", action="store_true", help="a JSON list instead of a table")
    listing.add_argument("--commercial", action="store_true", help="only where commercial use is allowed")
    listing.add_argument("--fits", metavar="SIZE", help="only what fits so many bytes, like 24GB")
    show = commands.add_parser("show", help="everything about one model")
    show.add_argument("model", metavar="ID")
    show.add_argument("--json", action="store_true")
    check = commands.add_parser("check", help="whether entries are good; exit code 1 where not")
    check.add_argument("files", metavar="FILE", nargs="*", type=Path, help="none: what ships, and your own")
    read = commands.add_parser("read", help="what a model's own files say of it; nothing is fetched or saved")
    read.add_argument("source", metavar="SOURCE", help="a hub id, or a folder that begins with /, ~/ or ./")
    read.add_argument("--revision", metavar="REVISION", help="a branch, tag or commit at the hub")
    way = read.add_mutually_exclusive_group()
    way.add_argument("--json", action="store_true")
    way.add_argument("--toml", action="store_true", help="as an entry to go on with in a file of your own")
    return parser


def _list(registry: Registry, options: argparse.Namespace) -> int:
    specs = _chosen(registry, options.commercial, options.fits)
    if options.json:
        print(json.dumps([as_json(registry, spec) for spec in specs], ensure_ascii=False, indent=2))
        _say(registry.faults, sys.stderr)
        return 0
    width = max(Console().width, _LOWEST_WIDTH) if sys.stdout.isatty() else _PIPE_WIDTH
    console = Console(width=width, highlight=False)
    console.print(as_table(registry, specs))
    if registry.faults:
        console.print(Text("\nLeft out, because their entries are faulty:"))
        _say(registry.faults, sys.stdout)
    return 0


def _chosen(registry: Registry, commercial: bool, size: str | None) -> list[ModelSpec]:
    budget = parse_bytes(size, "--fits") if size is not None else None
    return [
        spec
        for spec in registry.models.values()
        if (not commercial or spec.license.commercial is CommercialUse.YES)
        and (
            budget is None
            or spec.remote
            or fits(spec, budget, registry.base_of(spec) if spec.adapter else None)
        )
    ]


def _show(registry: Registry, model_id: str, in_json: bool) -> int:
    faults = [fault for fault in registry.faults if fault.entry == model_id]
    if faults and model_id not in registry.models:
        _say(faults, sys.stderr)
        return 1
    spec = registry.get(model_id)
    if in_json:
        print(json.dumps(as_json(registry, spec), ensure_ascii=False, indent=2))
    else:
        for label, value in as_page(registry, spec):
            print(f"{label:<16}{value}")
    return 0


def _read(registry: Registry, own: Path, options: argparse.Namespace) -> int:
    source, language = options.source, terminal_language()
    if source.startswith("."):  # beside whoever types it, not beside their entries
        source = os.path.abspath(source)
    description = describe(source, options.revision, registry, own)
    if options.json:
        print(json.dumps(description.as_json(language), ensure_ascii=False, indent=2))
    elif options.toml:
        print(entry_toml(description.table), end="")
    else:
        for each in description.found:
            print(f"{each.key:<24}{printable(str(each.value))}  ({printable(each.where)})")
        for name, fact in description.facts.items():
            print(f"{name:<24}{format_bytes(int(fact)) if name == 'bytes' else fact}")
    for unread in description.unread:
        files = f"{', '.join(map(printable, unread.files))}: " if unread.files else ""
        print(f"{files}{wording(unread.why, language)}", file=sys.stderr)
    return 0 if description.found else 1


def _check(own: Path, files: list[Path]) -> int:
    # Not at the top: comparing templates needs a tokenizer library that no other command needs.
    from model_registry.template_check import template_differences

    registry = load_registry(own, more=files)
    asked = {os.path.realpath(file) for file in files}
    faults = [f for f in registry.faults if not asked or os.path.realpath(f.path) in asked]
    ids = [i for i, path in registry.files.items() if not asked or os.path.realpath(path) in asked]
    _say(faults, sys.stdout)
    _say((n for n in registry.notes if not asked or os.path.realpath(n.path) in asked), sys.stdout)
    language = terminal_language()
    wrong = [f"{id}: {wording(said, language)}" for id in ids for said in _doubts(registry.models[id])]
    for sentence in wrong:
        print(sentence)
    for sentence in template_differences(registry, [registry.models[i] for i in ids]):
        print(sentence)
    print(f"Good entries: {len(ids) - len(wrong)}. Faults: {len(faults) + len(wrong)}.")
    return 1 if faults or wrong else 0


def _doubts(spec: ModelSpec) -> Iterable[Cause]:
    # Whatever is local is absolute in a spec, so no folder stands before it.
    return doubts_of(spec.entry(), Path()).values()


def _say(faults: Iterable[EntryFault], stream: TextIO) -> None:
    for fault in faults:
        print(fault.message, file=stream)
