"""`python -m finetune.distributed.worker`: one of the processes that a command became.

Knows: its settings come as a line of JSON by its standard input, which ends when whoever began it is dead.
Refuses to know: who else learns, and what is learned.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from dataclasses import asdict

from command_line import run as run_command
from finetune.cli import ending
from finetune.cli_sft import Sft, run
from finetune.job_check import settings_of
from settings import read_settings


def main() -> int:
    settings = settings_of(json.loads(sys.stdin.readline()))
    threading.Thread(target=_stop_when_alone, daemon=True).start()
    return ending(lambda: run(Sft(**asdict(settings), now=True), read_settings().home))


def _stop_when_alone() -> None:
    os.read(sys.stdin.fileno(), 1)
    signal.raise_signal(signal.SIGTERM)


if __name__ == "__main__":
    run_command(main)
