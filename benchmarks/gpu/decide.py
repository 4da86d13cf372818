"""What a card must say of an own step: bandwidth, launches, products, transformers' step, the fused one.

`python3 -m benchmarks.gpu.decide --out FOLDER [--cpu] [--only PART ...]`, from the repository's root.

Knows: the order of the parts, that one which breaks leaves the others, that a killed run keeps what it had.
Refuses to know: what a part measures.

Estimated on an H100: start 10 s, facts 8 s (limit 10), launches 6 s (limit 20), gemv 55 s (limit 90), hf 35 s
(limit 50), own 60 s (limit 75). After 250 s the process writes where it stands and ends itself.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.timing import going_on
from whole_files import write_whole

PARTS = ("facts", "launches", "gemv", "hf", "own")
_SECONDS = 250


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
        broken |= _run(part, on_card, results, file)
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


def _run(part: str, on_card: bool, results: dict[str, Any], file: Path) -> bool:
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
    _say(*_lines(part, found))
    return "broke" in found


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _part(name: str, results: dict[str, Any]) -> Callable[..., None]:
    """Imported here: what a part needs and does not find must not take the others along."""
    read_gb_s = results.get("facts", {}).get("read_gb_s") or None
    if name in ("facts", "launches"):
        from benchmarks.gpu import ladder

        return ladder.facts if name == "facts" else ladder.launches
    if name == "gemv":
        from benchmarks.gpu.gemv import gemv

        return lambda on_card, found, save: gemv(on_card, found, save, read_gb_s)
    if name == "own":
        from benchmarks.gpu.own_step import own

        return lambda on_card, found, save: own(on_card, found, save, read_gb_s)
    from benchmarks.gpu.hf_step import hf

    return lambda on_card, found, save: hf(on_card, found, save, read_gb_s)


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


def _lines(part: str, found: dict[str, Any]) -> list[str]:
    """Short enough that the end of the output holds all parts."""
    lines = []
    for name, value in found.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines += [f"{name}:", *_table(value)]
        elif isinstance(value, dict) and part in ("hf", "own"):
            lines.append(f"{name}:")
            lines += [f"  {_short(key)}: {_short(figure)}" for key, figure in value.items()]
        else:
            lines.append(f"{name}: {_short(value)}")
    return lines


def _table(rows: list[dict[str, Any]]) -> list[str]:
    """One line for what was tried, then one for each kernel that was run with several rows of x."""
    tried = [row for row in rows if "row 0 same" not in row]
    lines = ["  tried: " + ", ".join(f"{row['config']} {_figure(row)}" for row in tried)]
    for config in dict.fromkeys(row["config"] for row in rows if "row 0 same" in row):
        mine = [row for row in rows if row["config"] == config and "row 0 same" in row]
        cells = [f"B{row['batch']} {_figure(row)}{'' if row['row 0 same'] else ' DIFFERS'}" for row in mine]
        worst = max(row.get("error", float("inf")) for row in mine)
        lines.append(f"  {config} ({worst:.0e}): {', '.join(cells)}")
    return lines


def _figure(row: dict[str, Any]) -> str:
    """Microseconds and the share of the bandwidth, and what is wrong with them."""
    if "broke" in row:
        return f"BROKE {row['broke'][:60]}"
    wrong = "" if row["error"] < 1e-2 else f" WRONG {row['error']:.0e}"
    spills = f" spills {row['spills']}" if row.get("spills") else ""
    share = f" {row['share']:.2f}" if row.get("share") else ""
    return f"{row.get('us', 0.0):.1f}{share}{spills}{wrong}"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short(part)}" for key, part in value.items())
    if isinstance(value, list):
        return "".join(f"\n    {_short(part)}" for part in value)
    return str(value)[:60]


if __name__ == "__main__":
    sys.exit(main())
