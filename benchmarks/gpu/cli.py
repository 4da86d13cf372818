"""`scripts/gpu_check [--cpu] [--only CHECK …] [--out FOLDER] [--without-tests] [--decide | --verify]`.

Knows: the order of the checks, that one which breaks leaves the others, and the exit codes.
Refuses to know: what a check does.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from benchmarks.gpu.bench import CARD, PROCESSOR, Bench, Finding, Scale, Skipped, set_up
from benchmarks.gpu.decide import main as decide
from benchmarks.gpu.decoding import decode_share
from benchmarks.gpu.learning import learning_memory, training_speed
from benchmarks.gpu.other_decoders import peers
from benchmarks.gpu.parking import parking
from benchmarks.gpu.quantized import quantized
from benchmarks.gpu.releasing import eviction, load_and_release
from benchmarks.gpu.report import RESULTS, Outcome, lines, machine, write
from benchmarks.gpu.rewarding import update_by_rewards
from benchmarks.gpu.shortage import out_of_memory
from benchmarks.gpu.steps import step_by_step
from benchmarks.rounds import on_one_thread
from engines.shortage import clear_device_cache, drop_tracebacks
from errors import NaraniError

_ROOT = Path(__file__).parents[2]
CHECKS: dict[str, Callable[[Bench], Finding]] = {
    "load-and-release": load_and_release,
    "eviction": eviction,
    "parking": parking,
    "out-of-memory": out_of_memory,
    "quantized": quantized,
    "decode-share": decode_share,
    "step-by-step": step_by_step,
    "peers": peers,
    "training-speed": training_speed,
    "learning-memory": learning_memory,
    "update-by-rewards": update_by_rewards,
}
_VERIFIED = ("decode-share", "step-by-step", "out-of-memory", "load-and-release")
"""What `--verify` asks of a card: that its steps are fast, right and give their bytes back."""
_TESTS = [sys.executable, "-m", "pytest", "-m", "gpu", "tests/gpu", "-q", "-rs"]
_WITHOUT_PLUGINS = [
    *("--confcutdir=tests/gpu", "-o", "addopts=", "-o", "filterwarnings=default"),
    *("-W", "ignore::pytest.PytestConfigWarning"),
]
"""The settings of pyproject.toml ask for plugins and strictness that a lent machine does not have."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.decide:
        return decide(["--out", str(options.out or RESULTS), *(["--cpu"] if options.cpu else [])])
    if options.verify:
        options.only, options.without_tests = _VERIFIED, True
    if not options.cpu and not torch.cuda.is_available():
        print("There is no CUDA device here. `scripts/gpu_check --cpu` runs the same checks in small.")
        return 2
    scale = PROCESSOR if options.cpu else CARD
    print(", ".join(f"{name} {value}" for name, value in machine(scale.device).items()), flush=True)
    if options.cpu:
        print("Tiny stand-ins on the processor: they show that the checks run, not how fast anything is.")
    tests_failed = False if options.without_tests else _run_tests()
    try:
        folder = options.out or (RESULTS if scale.is_card else None)
        outcomes = on_one_thread(lambda: _run_checks(scale, options.only or tuple(CHECKS), folder))
    except NaraniError as error:
        print(error)
        return 2
    return int(tests_failed or any(outcome.state == "failed" for outcome in outcomes))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "scripts/gpu_check", description="Check Narani on a GPU, with no network."
    )
    parser.add_argument("--cpu", action="store_true", help="the same checks on the processor, tiny shapes")
    parser.add_argument("--only", nargs="+", choices=CHECKS, help="these checks; all when none is named")
    parser.add_argument("--out", type=Path, help="where results are written; on a GPU benchmarks/results")
    parser.add_argument("--without-tests", action="store_true", help="leave out pytest -m gpu")
    short = parser.add_mutually_exclusive_group()
    short.add_argument("--decide", action="store_true", help="what a step could reach here")
    short.add_argument("--verify", action="store_true", help="what the steps reach here")
    return parser


def _run_tests() -> bool:
    """Whether they failed."""
    print("tests:", flush=True)
    return subprocess.run([*_TESTS, *_WITHOUT_PLUGINS], cwd=_ROOT).returncode != 0


def _run_checks(scale: Scale, names: Sequence[str], folder: Path | None) -> list[Outcome]:
    """What is found is written after every check: a lent card may be taken back at any moment."""
    outcomes: list[Outcome] = []
    page: Path | None = None
    with set_up(scale) as bench:
        for name in names:
            outcome = _run_check(name, bench)
            outcomes.append(outcome)
            print("\n".join(lines(outcome)), flush=True)
            page = write(folder, scale.device, outcomes) if folder is not None else None
    if page is not None:
        print(f"written: {page.name}")
    return outcomes


def _run_check(name: str, bench: Bench) -> Outcome:
    check, started = CHECKS[name], time.perf_counter()
    what = (check.__doc__ or "").strip()
    finding: Finding | None = None
    skipped = ""
    try:
        finding = check(bench)
    except Skipped as reason:
        skipped = str(reason)
    except Exception as error:  # noqa: BLE001 - a check that breaks must not take the others' figures along
        traceback.print_exc()
        said = str(error) if isinstance(error, NaraniError) else type(error).__name__
        finding = Finding((), (f"It broke: {said}",))
        drop_tracebacks(error)
    clear_device_cache(torch.device(bench.scale.device))
    return Outcome(name, what, finding, skipped, time.perf_counter() - started)
