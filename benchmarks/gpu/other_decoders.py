"""The speed of our answers beside that of others with the same weights, prompt and length, in one run.

The others run in a process of their own (`generating.py`), which is ended when its time is over.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.bench import NEOX, Bench, Fact, Finding, at_once, faults
from benchmarks.gpu.decoding import bytes_a_token, copy_bandwidth, question_of, rate_of
from benchmarks.gpu.generating import EAGER, OF_ONE_ROW, ORDER, ROWS, STATIC_OF_8
from benchmarks.gpu.steps import common
from tests.engines.running_engine import answer_of, open_engine

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class _Ours:
    """What the engine reaches with the step that it chose."""

    step: str
    rate: float
    rate_of_8: float
    prompt: int
    """Tokens of it, the words of the format included."""
    bytes_a_token: float
    copied: float


def peers(bench: Bench) -> Finding:
    """Tokens a second of one answer and of eight at once: ours, transformers' and one compiled step's."""
    ours = _ours(bench)
    others = _others(bench, ours.prompt)
    rates = {name: row["tokens_per_second"] for name, row in others.items() if "broke" not in row}
    facts = [Fact("copy bandwidth", ours.copied / 1e9, "GB/s")]
    for name, rate in {f"ours by {ours.step}": ours.rate, **_part(rates, OF_ONE_ROW)}.items():
        facts.append(Fact(name, rate, "tokens/s"))
        facts.append(Fact(f"{name}, share of the bandwidth", rate * ours.bytes_a_token / ours.copied))
    compiled = [name for name in rates if name != EAGER]
    for name in compiled:
        facts.append(Fact(f"{name}: compiled in", others[name]["compile_seconds"], "s"))
        if EAGER in rates:
            alike = common(others[EAGER]["tokens"], others[name]["tokens"])
            facts.append(Fact(f"{name}: first tokens as {EAGER}", alike))
    facts.append(Fact(f"ours, {ROWS} rows", ours.rate_of_8, "tokens/s"))
    over = 0.0
    if alone := _part(rates, OF_ONE_ROW):
        over = ours.rate / max(alone.values())
        facts.append(Fact("ours over the fastest of the others", over))
    if STATIC_OF_8 in rates:
        facts.append(Fact(STATIC_OF_8, rates[STATIC_OF_8], "tokens/s"))
        facts.append(Fact(f"ours over it, {ROWS} rows", ours.rate_of_8 / rates[STATIC_OF_8]))
    slower = faults(
        (EAGER in rates, f"No figure of {EAGER}."),
        (not bench.scale.is_card or over >= 1, "Another is faster."),
    )
    return Finding(tuple(facts), slower, _missing(bench, others))


def _part(rates: dict[str, float], names: tuple[str, ...]) -> dict[str, float]:
    return {name: rate for name, rate in rates.items() if name in names}


def _missing(bench: Bench, others: dict[str, dict[str, Any]]) -> tuple[str, ...]:
    late = f"not within the {bench.scale.peer_seconds} s of all."
    said = {name: others.get(name, {"broke": late}).get("broke") for name in ORDER}
    missing = tuple(f"{name}: {why}" for name, why in said.items() if why)
    return missing if bench.scale.is_card else ("On the processor nothing is compiled.", *missing)


def _ours(bench: Bench) -> _Ours:
    """A first answer each, so that what is captured once is captured then."""
    scale = bench.scale
    with open_engine(bench.only(NEOX), scale.device) as running:
        copied = running.loop.call(lambda: copy_bandwidth(scale.copied_bytes, torch.device(scale.device)))
        question, tokens = question_of(bench), scale.answer_tokens
        running.answer(NEOX, question, max_new_tokens=2)
        answer = running.answer(NEOX, question, max_new_tokens=tokens)
        for _ in range(2):
            lives = [running.ask(NEOX, question[row:], max_new_tokens=tokens) for row in range(ROWS)]
            together = sum(rate_of(answer_of(live)) for live in lives)
        at_once(Fact("ours", rate_of(answer), "tokens/s"), Fact(f"ours, {ROWS} rows", together, "tokens/s"))
        measures, cost = answer.measures, bytes_a_token(running, NEOX, bench)
    prompt = measures.tokens_in or scale.prompt_tokens
    return _Ours(measures.step or "unknown", rate_of(answer), together, prompt, cost, copied)


def _others(bench: Bench, prompt: int) -> dict[str, dict[str, Any]]:
    """By name; those that came in time."""
    scale, file = bench.scale, bench.root / "others.jsonl"
    file.touch()
    call = [sys.executable, "-m", "benchmarks.gpu.generating", str(bench.root / NEOX), str(file)]
    call += ["--prompt", str(prompt), "--tokens", str(scale.answer_tokens)]
    sys.stdout.flush()
    call += [] if scale.is_card else ["--cpu"]
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(call, cwd=_ROOT, timeout=scale.peer_seconds, check=False)
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return {row["peer"]: row for row in rows}
