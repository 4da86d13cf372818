"""What a card says that the engine does not: bandwidth, launches, copies, products, and whole steps.

Run: scripts/gpu_check --decide
     python3 -m benchmarks.gpu.decide --out FOLDER [--cpu] [--only PART ...]

All kernels but two small ones are the engine's own.

Knows: the order of the parts, that one which breaks leaves the others, that a killed run keeps what it had.
Refuses to know: what a part measures.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.timing import Limit, going_on
from whole_files import write_whole

PARTS = ("facts", "launches", "copies", "products", "steps", "streams")
_SECONDS = 170


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    on_card = not options.cpu
    if on_card and not torch.cuda.is_available():
        _say("There is no CUDA device here; --cpu runs every part in small.")
        return 2
    if options.cpu:
        os.environ["TRITON_INTERPRET"] = "1"
        torch.set_num_threads(1)
    os.environ.setdefault("TRITON_CACHE_DIR", tempfile.mkdtemp(prefix="triton-"))
    ends = options.ends or time.time() + _SECONDS
    faulthandler.dump_traceback_later(max(1.0, ends - time.time()), exit=True)
    file = options.out / "decide.json"
    options.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    parts = tuple(part for part in PARTS if part in (options.only or PARTS))
    broken = False
    for place, part in enumerate(parts):
        broken |= run_part(part, on_card, results, file)
        if on_card and not _card_answers():
            _go_on_afresh(options.out, parts[place + 1 :], ends)
    _say(f"written: {file}")
    return int(broken)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Ask a card what an own decoding step could reach.")
    parser.add_argument("--out", type=Path, required=True, help="the folder decide.json is written to")
    parser.add_argument("--cpu", action="store_true", help="every part in small, kernels interpreted")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="these parts; all when none is named")
    parser.add_argument("--ends", type=float, help="when the whole run ends, in seconds since 1970")
    return parser


def run_part(part: str, on_card: bool, results: dict[str, Any], file: Path) -> bool:
    """Whether the part broke; what it found until then is kept."""
    found: dict[str, Any] = {}
    results[part] = found
    started = time.perf_counter()

    def save() -> None:
        found["seconds"] = round(time.perf_counter() - started, 1)
        write_whole(file, json.dumps(results, indent=1))

    _say(f"== {part}")
    with going_on(found):
        _part(part, results)(on_card, found, save)
    save()
    _say(*_lines(found))
    return "broke" in found


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _part(name: str, results: dict[str, Any]) -> Callable[..., None]:
    """Imported here: what a part needs and does not find must not take the others along."""
    from benchmarks.gpu import ladder

    alone = {"facts": ladder.facts, "launches": ladder.launches, "copies": ladder.pinned_copies}
    if name in alone:
        return alone[name]
    if name == "products":
        return _products
    from benchmarks.gpu import step_graphs

    part = step_graphs.steps if name == "steps" else step_graphs.streams
    return partial(part, copy_gb_s=results.get("facts", {}).get("copy_gb_s"))


def _products(on_card: bool, found: dict[str, Any], save: Callable[[], None]) -> None:
    """The engine's own of one, two, four and eight rows, and cuBLAS'."""
    from benchmarks.gpu.compiling import compile_ahead
    from benchmarks.gpu.linears import measured

    compiled = compile_ahead(25) if on_card else dict[str, Any]
    for row in measured(not on_card, False, False, Limit(45), compiled):
        if "product" not in row:
            found |= row
            continue
        told = found.setdefault(row["product"], [])
        told.append(row)
        save()


def _card_answers() -> bool:
    """After an address that is not there a process gets no more answers, whatever it asks."""
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return False
    return True


def _go_on_afresh(out: Path, parts: tuple[str, ...], ends: float) -> None:
    """The parts that are left, in this process's place but with a context of their own."""
    if not parts:
        return
    _say("The card no longer answers this process; the rest runs in a new one.")
    again = [sys.executable, "-m", "benchmarks.gpu.decide", "--out", str(out), "--ends", str(ends)]
    os.execv(sys.executable, [*again, "--only", *parts])


def _lines(found: dict[str, Any]) -> Iterator[str]:
    """Short enough that the end of the output holds all parts."""
    for name, value in found.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            yield f"{name}: " + ", ".join(map(_product, value))
        elif isinstance(value, dict):
            yield f"{name}:"
            yield from (f"  {line}" for line in _lines(value))
        else:
            yield f"{name}: {_short(value)}"


def _product(row: dict[str, Any]) -> str:
    """Rows, microseconds and the share of the bandwidth, and what is wrong with them."""
    by = "cublas" if row["config"] == "cublas" else "own"
    if "broke" in row:
        return f"{by} B{row['rows']} BROKE {row['broke'][:60]}"
    wrong = "" if row.get("error", 0.0) < 1e-2 else f" WRONG {row['error']:.0e}"
    differs = "" if row.get("row 0 same", True) else " DIFFERS"
    return f"{by} B{row['rows']} {_short(row.get('us', 0.0))} {_short(row.get('share', 0.0))}{wrong}{differs}"


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)[:100]


if __name__ == "__main__":
    sys.exit(main())
