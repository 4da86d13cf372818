"""cold-start: `python -m comparison ask` of a fresh process to its first text, over the bare import.

Knows: both commands, and the one clock that all processes of a machine share.
Refuses to know: what the command does until then.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.korean import QUESTIONS
from benchmarks.rounds import Effort, Measured, Stopwatch, paired
from errors import AS_WRITTEN, NaraniError

MODEL = "demo-koalpaca"
_ROOT = Path(__file__).parents[1]
_BARE_IMPORT = """\
import time
import torch
from transformers import AutoModelForCausalLM
print(time.monotonic())
"""


def measure(effort: Effort) -> Measured:
    """Seconds to the first text over seconds to the end of the import."""
    ours, bare = Stopwatch(seconds_to_first_text), Stopwatch(_seconds_to_import)
    values = paired(ours, bare, effort.rounds)
    return Measured(
        values,
        notes=(f"bare import: {bare.median:.2f} s", f"ask {MODEL} to its first text: {ours.median:.2f} s"),
    )


def seconds_to_first_text() -> float:
    return _seconds_to(
        "-m", "benchmarks.first_text_probe", "ask", QUESTIONS[0], "--models", MODEL, "--json", "--no-history"
    )


def _seconds_to_import() -> float:
    return _seconds_to("-c", _BARE_IMPORT)


def _seconds_to(*arguments: str) -> float:
    """From starting Python to the moment it writes on its last line; what follows does not count."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "NARANI_HOME": home, "NARANI_DEVICE": "cpu", "HF_HUB_OFFLINE": "1"}
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, *arguments], cwd=_ROOT, env=environment, capture_output=True, encoding="utf-8"
        )
    try:
        return float(done.stdout.splitlines()[-1]) - started
    except (ValueError, IndexError):
        raise NaraniError(AS_WRITTEN, sentence=f"The measured command failed: {done.stderr[-800:]}") from None
